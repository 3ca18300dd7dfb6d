"""The kinds of stores, each with the signs that identify it and where that is documented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class StoreKind:
    """A kind of store; all the given signs must be present.

    Signs are globs in which ``|`` separates alternatives and ``/`` enters a subfolder; the first
    sign should be the most distinctive.
    """

    what: str
    source: str
    named: tuple[str, ...] = ()
    """The folder's own name, in lower case: one of these."""
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    is_loose: bool = False
    """Whether its files may be mixed with others, so that they do not make a store of a whole root.
    """

    @property
    def is_told_by_name(self) -> bool:
        """Whether the name alone identifies it."""
        return not self.folders and not self.files


_HEX, _DIGIT = "[0-9a-f]", "[0-9]"
_SNAPSHOT = "-".join(_DIGIT * times for times in (4, 2, 2, 6))
_UTI = "https://developer.apple.com/library/archive/documentation/CoreFoundation/Conceptual/CFBundles/DocumentPackages/DocumentPackages.html"

STORES: Final[tuple[StoreKind, ...]] = (
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
        "borg repository",
        "https://borgbackup.readthedocs.io/en/1.4-maint/internals/data-structures.html",
        folders=("data",),
        files=("README", "config", "index.*|hints.*|integrity.*"),
    ),
    StoreKind(
        "duplicacy storage",
        "https://forum.duplicacy.com/t/duplicacy-design/23692",
        folders=("chunks", "snapshots"),
    ),
    StoreKind(
        "duplicity backup",
        "https://duplicity.gitlab.io/stable/duplicity.1.html",
        files=("duplicity-full.*.manifest*",),
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
        "https://support.apple.com/en-us/108809",
        files=("Manifest.db|Manifest.mbdb", "Info.plist"),
    ),
    # Containers
    StoreKind(
        "Docker storage",
        "https://docs.docker.com/engine/storage/drivers/",
        folders=("overlay2", "image|containers"),
    ),
    StoreKind(
        "Docker images",
        "https://docs.docker.com/engine/storage/drivers/",
        folders=("image/*/imagedb",),
    ),
    StoreKind(
        "Podman or CRI-O storage",
        "https://github.com/containers/storage/blob/main/docs/containers-storage.md",
        folders=(
            "overlay-images|vfs-images|btrfs-images",
            "overlay-layers|vfs-layers|btrfs-layers",
        ),
    ),
    StoreKind(
        "containerd storage",
        "https://github.com/containerd/containerd/blob/main/docs/ops.md",
        folders=("io.containerd.*",),
    ),
    StoreKind(
        "container image",
        "https://github.com/opencontainers/image-spec/blob/main/image-layout.md",
        folders=("blobs",),
        files=("oci-layout",),
    ),
    StoreKind(
        "IPFS repository",
        "https://github.com/ipfs/specs/blob/main/REPO_FS.md",
        folders=("datastore", "blocks"),
        files=("config",),
    ),
    # Mail
    StoreKind("Maildir", "https://cr.yp.to/proto/maildir.html", folders=("cur", "new", "tmp")),
    StoreKind(
        "Thunderbird profile",
        "https://support.mozilla.org/kb/profiles-where-thunderbird-stores-user-data",
        folders=("Mail|ImapMail",),
        files=("prefs.js",),
    ),
    StoreKind(
        "Mozilla mail folder",
        "https://kb.mozillazine.org/Files_and_folders_in_the_profile_-_Thunderbird",
        files=("*.msf",),
        is_loose=True,
    ),
    StoreKind(
        "Apple Mail",
        "https://support.apple.com/guide/mail/mlhlp1030/mac",
        folders=("[Vv][0-9]*/MailData",),
    ),
    StoreKind(
        "Apple Mail version folder",
        "https://support.apple.com/guide/mail/mlhlp1030/mac",
        folders=("MailData",),
    ),
    StoreKind(
        "Apple Mail mailbox",
        "https://support.apple.com/guide/mail/mlhlp1030/mac",
        named=("*.mbox", "*.imapmbox"),
    ),
    StoreKind(
        "Dovecot mailbox",
        "https://doc.dovecot.org/main/core/config/mailbox/formats/dbox.html",
        files=("dovecot-uidlist|dovecot.map.index|dovecot.index.log",),
    ),
    StoreKind(
        "Cyrus mailbox",
        "https://www.cyrusimap.org/imap/concepts/overview_and_concepts.html",
        files=("cyrus.header|cyrus.index",),
    ),
    StoreKind(
        "MH mailbox",
        "https://docs.python.org/3/library/mailbox.html#mh",
        files=(".mh_sequences|.xmhcache",),
    ),
    StoreKind(
        "notmuch mail", "https://notmuchmail.org/manpages/notmuch-new-1/", folders=(".notmuch",)
    ),
    # Photographs, films, music, books
    StoreKind(
        "photo library",
        _UTI,
        named=("*.photoslibrary", "*.aplibrary", "*.photolibrary", "*.migratedphotolibrary"),
    ),
    StoreKind(
        "Photos library under another name",
        "https://github.com/RhetTbull/osxphotos",
        files=("Photos.sqlite",),
    ),
    StoreKind(
        "Photos library under another name",
        "https://github.com/RhetTbull/osxphotos",
        files=("database/Photos.sqlite",),
    ),
    StoreKind(
        "iPhoto library",
        "https://en.wikipedia.org/wiki/IPhoto",
        files=("AlbumData.xml",),
    ),
    StoreKind(
        "Lightroom previews and data",
        "https://helpx.adobe.com/lightroom-classic/kb/files-lightroom-classic-catalog.html",
        named=("*.lrdata", "*.lrcat-data", "*.lrlibrary"),
    ),
    StoreKind(
        "Capture One catalog",
        "https://support.captureone.com/hc/en-us/articles/360002556537",
        named=("*.cocatalog",),
    ),
    StoreKind(
        "Capture One catalog",
        "https://support.captureone.com/hc/en-us/articles/360002556537",
        files=("*.cocatalogdb",),
    ),
    StoreKind(
        "film project or library",
        _UTI,
        named=("*.fcpbundle", "*.imovielibrary", "*.tvlibrary", "*.theater", "*.imoviemobile"),
    ),
    StoreKind(
        "music library or song",
        _UTI,
        named=("*.musiclibrary", "*.logicx", "*.band", "_serato_"),
    ),
    StoreKind(
        "iTunes library",
        "https://support.apple.com/en-us/108342",
        files=("iTunes Library.itl|iTunes Library.xml|iTunes Music Library.xml",),
    ),
    StoreKind(
        "Calibre library",
        "https://manual.calibre-ebook.com/faq.html",
        files=("metadata.db", "*/*/metadata.opf"),
    ),
    StoreKind(
        "Zotero data", "https://www.zotero.org/support/zotero_data", files=("zotero.sqlite",)
    ),
    StoreKind("Anki profile", "https://docs.ankiweb.net/files.html", files=("collection.anki2",)),
    StoreKind(
        "DVD",
        "https://github.com/jellyfin/jellyfin-kodi/pull/330",
        files=("VIDEO_TS.IFO|video_ts.ifo",),
        is_loose=True,
    ),
    StoreKind(
        "Blu-ray disc or AVCHD recordings",
        "https://pastebin.com/Qe8absnX (a listing), https://github.com/jellyfin/jellyfin-kodi/pull/330",
        folders=("CLIPINF|clipinf", "STREAM|stream", "PLAYLIST|playlist"),
    ),
    # Virtual machines
    StoreKind(
        "virtual machine",
        "https://docs.getutm.app/, https://kb.parallels.com/en/117333",
        named=("*.utm", "*.pvm", "*.vmwarevm", "*.vmbundle", "*.avd"),
    ),
    StoreKind(
        "VMware virtual machine",
        "https://techdocs.broadcom.com/us/en/vmware-cis/desktop-hypervisors/fusion-pro.html",
        files=("*.vmx", "*.vmdk|*.nvram|*.vmsd|*.vmem|*.vmss"),
        is_loose=True,
    ),
    StoreKind(
        "VirtualBox virtual machine",
        "https://www.virtualbox.org/manual/ch10.html#vboxconfigdata",
        files=("*.vbox", "*.vbox-prev|*.nvram|*.vdi|*.vmdk|*.vhd|*.vhdx|*.hdd"),
        is_loose=True,
    ),
    StoreKind(
        "VirtualBox virtual machine",
        "https://www.virtualbox.org/manual/ch10.html#vboxconfigdata",
        folders=("Snapshots",),
        files=("*.vbox",),
    ),
    StoreKind(
        "Hyper-V virtual machines",
        "https://learn.microsoft.com/windows-server/virtualization/hyper-v/",
        folders=("Virtual Machines", "Virtual Hard Disks"),
    ),
    # Databases that are a folder
    StoreKind(
        "geodatabase",
        "https://gdal.org/en/stable/drivers/vector/openfilegdb.html",
        files=("a00000001.gdbtable",),
    ),
    StoreKind(
        "PostgreSQL cluster",
        "https://www.postgresql.org/docs/current/storage-file-layout.html",
        folders=("pg_wal|pg_xlog", "base", "global"),
        files=("PG_VERSION",),
    ),
    StoreKind(
        "MySQL or MariaDB data",
        "https://dev.mysql.com/doc/refman/8.4/en/data-directory.html",
        files=("ibdata1",),
    ),
    StoreKind(
        "WiredTiger data",
        "https://source.wiredtiger.com/develop/arch-dhandle.html",
        files=("WiredTiger.wt|WiredTiger.turtle",),
    ),
    StoreKind(
        "LevelDB or RocksDB data",
        "https://github.com/google/leveldb/blob/main/doc/impl.md",
        files=("MANIFEST-[0-9]*", "CURRENT"),
    ),
    StoreKind(
        "Berkeley DB environment",
        "https://docs.oracle.com/cd/E17076_05/html/programmer_reference/env_naming.html",
        files=("log.0000" + _DIGIT * 6,),
    ),
    StoreKind(
        "Berkeley DB environment",
        "https://docs.oracle.com/cd/E17076_05/html/programmer_reference/env_region.html",
        files=("__db.001|__db.002|__db.003|DB_CONFIG",),
    ),
    StoreKind(
        "Lucene index",
        "https://lucene.apache.org/core/9_0_0/core/org/apache/lucene/codecs/lucene90/package-summary.html",
        files=("segments_*", "*.si|*.cfs"),
    ),
    # Programs
    StoreKind("program", _UTI, named=("*.app",)),
)
