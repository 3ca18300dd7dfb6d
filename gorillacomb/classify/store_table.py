"""The kinds of stores, each with the signs that identify it and where that is documented."""

from __future__ import annotations

from typing import Final

from gorillacomb.classify.kinds.backup_stores import BACKUP_STORES
from gorillacomb.classify.kinds.database_stores import DATABASE_STORES
from gorillacomb.classify.kinds.store_kind import StoreKind

_UTI = "https://developer.apple.com/library/archive/documentation/CoreFoundation/Conceptual/CFBundles/DocumentPackages/DocumentPackages.html"

STORES: Final[tuple[StoreKind, ...]] = (
    *BACKUP_STORES,
    *DATABASE_STORES,
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
    StoreKind(
        "volumes of containers",
        "https://github.com/moby/moby/blob/master/daemon/volume/service/store.go",
        named=("volumes",),
        files=("metadata.db",),
    ),
    StoreKind(
        "registry of container images",
        "https://github.com/distribution/distribution/blob/main/registry/storage/paths.go",
        folders=("docker/registry/v2/blobs|repositories",),
    ),
    StoreKind(
        "models of Ollama",
        "https://github.com/ollama/ollama/blob/main/manifest/paths.go",
        folders=("manifests/registry.ollama.ai", "blobs"),
    ),
    StoreKind(
        "cache of Hugging Face",
        "https://huggingface.co/docs/huggingface_hub/guides/manage-cache",
        named=("models--*", "datasets--*", "spaces--*"),
        folders=("blobs", "refs"),
    ),
    StoreKind(
        "cache of npm",
        "https://docs.npmjs.com/cli/commands/npm-cache",
        named=("_cacache",),
    ),
    # Mail
    StoreKind("Maildir", "https://cr.yp.to/proto/maildir.html", folders=("cur", "new", "tmp")),
    StoreKind(
        "Maildir without its empty folders, or with the names that Windows gets",
        "https://cr.yp.to/proto/maildir.html",
        folders=("cur",),
        files=("cur/[0-9]*.*2,*",),
    ),
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
        files=("MailData/Envelope Index",),
    ),
    StoreKind(
        "Apple Mail mailbox",
        "https://support.apple.com/guide/mail/mlhlp1030/mac",
        named=("*.mbox", "*.imapmbox"),
    ),
    StoreKind(
        "Dovecot mailbox",
        "https://doc.dovecot.org/main/core/config/mailbox/formats/dbox.html",
        files=(
            "dovecot-uidlist|dovecot.map.index|dovecot.index.log|dovecot.index|dovecot.index.cache",
        ),
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
        named=(
            *("*.fcpbundle", "*.imovielibrary", "*.tvlibrary", "*.imoviemobile"),
            "imovie theater.theater",
        ),
    ),
    StoreKind(
        "music library or song",
        _UTI,
        named=("*.musiclibrary", "*.logicx", "_serato_"),
    ),
    StoreKind("song of GarageBand", _UTI, named=("*.band",), files=("projectData",)),
    StoreKind("song of GarageBand", _UTI, named=("*.band",), folders=("Alternatives",)),
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
        "Zotero data",
        "https://www.zotero.org/support/zotero_data",
        files=("zotero.sqlite", "storage/*/*"),
    ),
    StoreKind(
        "Zotero data without attachments",
        "https://www.zotero.org/support/zotero_data",
        files=("zotero.sqlite", "translators|styles/*"),
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
    StoreKind(
        "set of Ableton Live",
        "https://www.ableton.com/en/manual/managing-files-and-sets/",
        folders=("Ableton Project Info",),
    ),
    StoreKind(
        "Pro Tools session",
        "https://en.wikipedia.org/wiki/Pro_Tools",
        files=("*.ptx|*.ptf", "Audio Files/*"),
    ),
    StoreKind(
        "rekordbox library",
        "https://djl-analysis.deepsymmetry.org/rekordbox-export-analysis/exports.html",
        named=("pioneer",),
        folders=("rekordbox",),
    ),
    StoreKind(
        "Engine library",
        "https://github.com/xsco/libdjinterop/blob/master/include/djinterop/engine/v3/"
        "engine_library.hpp",
        named=("engine library",),
        folders=("Database2",),
    ),
    StoreKind(
        "Photo Booth library",
        "https://support.apple.com/guide/photo-booth/welcome/mac",
        named=("photo booth library",),
    ),
    # Documents and profiles that are a folder
    StoreKind("RTFD document", _UTI, named=("*.rtfd",), files=("TXT.rtf",)),
    StoreKind(
        "iWork document",
        _UTI,
        named=("*.pages", "*.key", "*.numbers"),
        files=("Index.zip|index.xml|index.xml.gz|index.apxl|index.apxl.gz",),
    ),
    StoreKind(
        "Scrivener project",
        "https://www.literatureandlatte.com/scrivener/",
        named=("*.scriv",),
        files=("*.scrivx|binder.scrivproj",),
    ),
    StoreKind(
        "DEVONthink database",
        "https://www.devontechnologies.com/apps/devonthink",
        named=("*.dtbase2", "*.dtbase"),
    ),
    StoreKind(
        "Joplin profile",
        "https://github.com/laurent22/joplin/blob/dev/packages/lib/BaseApplication.ts,"
        " https://github.com/laurent22/joplin/blob/dev/packages/lib/determineBaseAppDirs.ts",
        named=("joplin-desktop", "joplindev-desktop", "joplin", "joplindev", "joplinprofile"),
        files=("database.sqlite",),
    ),
    StoreKind(
        "Apple Notes",
        "https://github.com/threeplanetssoftware/apple_cloud_notes_parser/blob/master/lib/"
        "AppleBackupMac.rb",
        folders=("Accounts|Media|Previews",),
        files=("NoteStore.sqlite",),
    ),
    StoreKind(
        "Outlook for Mac",
        "https://support.microsoft.com/en-us/office/"
        "back-up-outlook-for-mac-to-an-external-hard-drive",
        files=("Outlook.sqlite",),
    ),
    StoreKind(
        "Signal profile",
        "https://github.com/signalapp/Signal-Desktop (attachments.noindex, sql/db.sqlite)",
        folders=("attachments.noindex", "sql"),
    ),
    StoreKind(
        "Firefox profile",
        "https://support.mozilla.org/kb/profiles-where-firefox-stores-user-data",
        files=("places.sqlite", "prefs.js"),
    ),
    StoreKind(
        "Chromium profiles",
        "https://chromium.googlesource.com/chromium/src/+/main/docs/user_data_dir.md",
        files=("Local State", "Default|Profile 1/Preferences"),
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
    # Programs
    StoreKind("program", _UTI, named=("*.app",)),
    StoreKind(
        "index, log of changes, or versions of documents, of a volume",
        "https://developer.apple.com/library/archive/documentation/Darwin/Conceptual/FSEvents_ProgGuide/FileSystemEventSecurity/FileSystemEventSecurity.html",
        named=(".spotlight-v100", ".fseventsd", ".documentrevisions-v100"),
    ),
)
