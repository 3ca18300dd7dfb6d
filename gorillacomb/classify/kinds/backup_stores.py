"""The stores of version control and of backup programs."""

from __future__ import annotations

from typing import Final

from gorillacomb.classify.kinds.store_kind import StoreKind

_HEX, _DIGIT = "[0-9a-f]", "[0-9]"
_NUMBER = "|".join(_DIGIT * digits for digits in range(1, 7))
_SNAPSHOT = "-".join(_DIGIT * times for times in (4, 2, 2, 6))

BACKUP_STORES: Final = (
    # Version control
    StoreKind(
        "bare or mirrored git repository, also of bup",
        "https://git-scm.com/docs/gitrepository-layout",
        folders=("refs", "objects"),
        files=("HEAD",),
    ),
    StoreKind(
        "Subversion repository",
        "https://svnbook.red-bean.com/en/1.7/svn.reposadmin.basics.html",
        folders=("locks", "db", "hooks"),
        files=("format",),
    ),
    StoreKind(
        "Subversion repository",
        "https://github.com/apache/subversion/blob/trunk/subversion/libsvn_fs_fs/structure,"
        " https://github.com/apache/subversion/blob/trunk/subversion/libsvn_repos/repos.h",
        files=("db/fs-type", "format"),
    ),
    StoreKind(
        "CVS repository",
        "https://www.gnu.org/software/trans-coord/manual/cvs/html_node/Repository-storage.html",
        folders=("CVSROOT",),
    ),
    StoreKind(
        "RCS files",
        "https://www.gnu.org/software/rcs/manual/html_node/Concepts.html",
        named=("rcs",),
        files=("*,v",),
    ),
    StoreKind(
        "Perforce server",
        "https://help.perforce.com/helix-core/server-apps/cmdref/current/Content/CmdRef/"
        "p4_dbschema.html (files of the server root), P4ROOT.html",
        files=("db.rev", "db.have|db.domain|db.counters"),
    ),
    StoreKind(
        "Visual SourceSafe database",
        "https://jeffpar.github.io/kbarchive/kb/238/Q238155/ (what Create Database makes)",
        files=("srcsafe.ini",),
    ),
    StoreKind(
        "Git LFS objects",
        "https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md (lfs/objects/4d/7a/4d7a21…)",
        named=("lfs",),
        files=(f"objects/{_HEX * 2}/{_HEX * 2}/{_HEX * 64}",),
    ),
    StoreKind(
        "Mercurial store",
        "https://wiki.mercurial-scm.org/FileFormats",
        folders=("store",),
        files=("requires",),
    ),
    StoreKind(
        "git-annex special remote",
        "https://git-annex.branchable.com/internals/hashing/",
        folders=(f"{_HEX * 3}/{_HEX * 3}/[A-Z]*--*",),
    ),
    StoreKind(
        "OSTree repository",
        "https://ostreedev.github.io/ostree/repo/",
        folders=("refs", "objects"),
        files=("config",),
    ),
    # Backup programs
    StoreKind(
        "kopia repository",
        "https://kopia.io/docs/advanced/architecture/",
        files=("kopia.repository|kopia.repository.f",),
    ),
    StoreKind(
        "restic repository",
        "https://restic.readthedocs.io/en/stable/100_references.html#repository-layout",
        folders=("snapshots", "data", "index", "keys"),
        files=("config",),
    ),
    StoreKind(
        "restic repository without its empty folders",
        "https://restic.readthedocs.io/en/stable/100_references.html#repository-layout",
        folders=("keys", "data/[0-9a-f][0-9a-f]"),
        files=("config",),
    ),
    StoreKind(
        "borg repository",
        "https://borgbackup.readthedocs.io/en/1.4-maint/internals/data-structures.html",
        folders=("data",),
        files=("README", "config", "index.*|hints.*|integrity.*"),
    ),
    StoreKind(
        "borg repository without its index",
        "https://borgbackup.readthedocs.io/en/1.4-maint/internals/data-structures.html"
        " (segments: data/0/1)",
        folders=("data",),
        files=("README", "config", f"data/{_NUMBER}/{_NUMBER}"),
    ),
    StoreKind(
        "borg repository of version 2",
        "https://github.com/borgbackup/borg/blob/master/src/borg/repository.py (create)",
        files=("config/readme", "config/version", "config/id"),
    ),
    StoreKind(
        "duplicacy storage",
        "https://forum.duplicacy.com/t/duplicacy-design/23692,"
        " https://github.com/gilbertchen/duplicacy/blob/master/src/duplicacy_config.go (config)",
        folders=("chunks", "snapshots"),
        files=("config",),
    ),
    StoreKind(
        "duplicacy storage without its configuration",
        "https://github.com/gilbertchen/duplicacy/blob/master/src/duplicacy_storage.go (nesting)",
        folders=("snapshots", f"chunks/{_HEX * 2}"),
    ),
    StoreKind(
        "duplicity backup",
        "https://duplicity.gitlab.io/stable/duplicity.1.html",
        files=("duplicity-full.*|duplicity-full-signatures.*|duplicity-inc.*",),
        is_loose=True,
    ),
    StoreKind(
        "Duplicati backup",
        "https://docs.duplicati.com/technical-details/data-formats",
        files=("duplicati-*.dlist.*",),
        is_loose=True,
    ),
    StoreKind(
        "rdiff-backup repository",
        "https://rdiff-backup.net/arch/backup_repository_format.html",
        folders=("rdiff-backup-data",),
    ),
    StoreKind(
        "BackupPC pool",
        "https://backuppc.github.io/backuppc/BackupPC.html#Storage-layout",
        folders=("cpool", "pc"),
    ),
    StoreKind(
        "Proxmox backup datastore",
        "https://pbs.proxmox.com/docs/storage.html",
        folders=(".chunks",),
    ),
    StoreKind(
        "Time Machine backup",
        "https://support.apple.com/guide/mac-help/mh11422/mac",
        named=("*.backupdb", "*.sparsebundle", _SNAPSHOT + ".backup", _SNAPSHOT + ".previous"),
    ),
    StoreKind(
        "Time Machine volume",
        "https://eclecticlight.co/2021/04/17/time-machine-to-apfs-what-does-it-back-up-to/",
        files=("backup_manifest.plist",),
    ),
    StoreKind(
        "sparse bundle under another name",
        "https://keith.github.io/xcode-man-pages/hdiutil.1.html",
        folders=("bands",),
        files=("Info.plist",),
    ),
    StoreKind(
        "backup of a phone",
        "https://github.com/libimobiledevice/libimobiledevice/blob/master/tools/idevicebackup2.c",
        files=("Manifest.db|Manifest.mbdb", "Info.plist|Status.plist|Manifest.plist"),
    ),
    StoreKind(
        "backup of a phone without its list of files",
        "https://github.com/libimobiledevice/libimobiledevice/blob/master/tools/idevicebackup2.c",
        files=("Status.plist", "Manifest.plist"),
    ),
    StoreKind(
        "Arq backup",
        "https://www.arqbackup.com/documentation/arq7/English.lproj/dataFormat.html",
        folders=("backupfolders",),
        files=("backupconfig.json",),
    ),
    StoreKind(
        "Arq backup of version 5 or before",
        "https://www.arqbackup.com/arq_data_format.txt",
        files=("encryptionv3.dat",),
    ),
    StoreKind(
        "Hyper Backup",
        "https://forums.spacerex.co/t/synology-hyperbackup-versioning-nitty-gritty-details/413",
        named=("*.hbk",),
    ),
    StoreKind(
        "ZBackup repository",
        "https://github.com/zbackup/zbackup/blob/master/zbackup_base.cc",
        folders=("bundles", "backups", "index"),
        files=("info",),
    ),
    StoreKind(
        "casync chunks",
        "https://github.com/systemd/casync/blob/main/README.md (file suffixes)",
        named=("*.castr",),
    ),
    StoreKind(
        "Conserve archive",
        "https://github.com/sourcefrog/conserve/blob/main/doc/format.md",
        files=("CONSERVE",),
    ),
    StoreKind(
        "Windows image backup",
        "https://learn.microsoft.com/windows-server/administration/windows-commands/wbadmin",
        named=("windowsimagebackup",),
    ),
    StoreKind(
        "Veeam backup",
        "https://helpcenter.veeam.com/docs/backup/vsphere/backup_files.html",
        files=("*.vbm",),
        is_loose=True,
    ),
    StoreKind(
        "UrBackup storage",
        "https://github.com/uroni/urbackup_backend/blob/dev/urbackupserver/server_cleanup.cpp"
        " (what it copies to the backup storage)",
        files=("urbackup/backup_server.db",),
    ),
    StoreKind(
        "Clonezilla image",
        "https://github.com/stevenshiau/clonezilla/blob/master/scripts/sbin/ocs-functions",
        files=("clonezilla-img",),
    ),
    StoreKind(
        "Perkeep blobs",
        "https://github.com/perkeep/perkeep/blob/master/pkg/blobserver/files/files.go",
        folders=("sha224|sha1",),
        files=(f"sha224|sha1/{_HEX * 2}/{_HEX * 2}/sha*-*.dat",),
    ),
)
