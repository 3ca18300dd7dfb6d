"""The kinds of files that belong together, by their names, and where that is documented."""

from __future__ import annotations

from typing import Final

from gorillacomb.classify.kinds.companion_kind import CompanionKind, InUse, endings
from gorillacomb.classify.kinds.data_companions import DATA_COMPANIONS

_SETTINGS = "xmp aae pp3 dop thm on1 cos rwl arp vrd nksc"
_PHONE = "heic heif jpg jpeg png dng mov mp4"
_FILMS = "mkv mp4 m4v avi mov wmv mpg mpeg ts m2ts mts vob flv webm ogv divx rmvb asf 3gp m2v iso"
_SUBTITLES = "srt sub idx ssa ass smi vtt sup usf ttml dfxp"
_SUBTITLE_FOLDERS = "subs subtitles vobsubs sub vobsub subtitle"
_SONGS = "mp3 flac m4a ogg opus wav ape wv aac"
_PAGE_FOLDERS = (
    "_archivos _arquivos _bestanden _bylos -dateien _datoteke _dosyalar _elemei _failid _fails"
    " _fajlovi _ficheiros _fichiers -filer .files _files _file _fitxers _fitxategiak _pliki"
    " _soubory _tiedostot"
)
_SIGNATURES = (
    "asc sig sign minisig dsse p7s tsr ots sigstore sigstore.json"
    " md5 sha1 sha256 sha512 b3 md5sum sha1sum sha256sum sha512sum b3sum"
)

COMPANIONS: Final[tuple[CompanionKind, ...]] = (
    # Photographs
    CompanionKind(
        "picture",
        "https://exiftool.org/TagNames/, https://helpx.adobe.com/camera-raw/using/"
        "supported-cameras.html",
        endings(
            "jpg jpeg heic heif avif tif tiff dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef"
            " srw gpr x3f 3fr iiq mrw mov mp4 m4v"
        ),
        (*endings(_SETTINGS), *("{stem}.*." + each for each in _SETTINGS.split())),
        mains_belong_together=True,
    ),
    CompanionKind(
        "picture of another format",
        "https://exiftool.org/metafiles.html, https://github.com/immich-app/immich/pull/8235",
        endings("png apng webp psd psb gif bmp jxl jp2 jxr exr hdr tga"),
        (*endings(_SETTINGS), *("{stem}.*." + each for each in _SETTINGS.split())),
    ),
    CompanionKind(
        "picture out of Google Photos",
        "https://github.com/ente/ente/pull/4956: .supplemental-metadata, cut off anywhere",
        ("{stem}",),
        ("{stem}.json", "{stem}.s.json", "{stem}.s*.json"),
    ),
    *(
        CompanionKind(
            f"one of several {ending} of one name out of Google Photos",
            "https://github.com/ente/ente/pull/4956",
            (f"{{stem}}(@).{ending}", f"{{stem}}(@@).{ending}"),
            tuple(
                f"{{stem}}.{ending}{more}({number}).json"
                for more in ("", ".*")
                for number in ("@", "@@")
            ),
        )
        for ending in f"{_PHONE} gif webp".split()
    ),
    CompanionKind(
        "picture that was edited on a phone",
        "https://github.com/RhetTbull/osxphotos/pull/1113,"
        " https://github.com/RhetTbull/osxphotos/issues/2043",
        tuple("img_{stem}." + each for each in _PHONE.split()),
        (
            *("img_e{stem}." + each for each in _PHONE.split()),
            *("img_o{stem}.aae", "img_e{stem}.aae", "img_{stem}.aae"),
        ),
    ),
    # Films and music
    CompanionKind(
        "film",
        "https://jellyfin.org/docs/general/server/media/movies/, https://kodi.wiki/view/NFO_files",
        endings(_FILMS),
        (
            *endings(_SUBTITLES + " nfo edl"),
            *("{stem}.*." + each for each in _SUBTITLES.split()),
            *("{stem}-" + each for each in ("poster.jpg", "fanart.jpg", "thumb.jpg")),
        ),
    ),
    CompanionKind(
        "film with a folder of subtitles",
        "https://github.com/xbmc/xbmc/blob/master/xbmc/Util.cpp (common_sub_dirs)",
        tuple("*." + each for each in _FILMS.split()),
        tuple(each + "/" for each in _SUBTITLE_FOLDERS.split()),
    ),
    CompanionKind(
        "title of a DVD",
        "https://codedocs.xyz/w3tech/xodi/structifo__handle__t.html",
        ("vts_{stem}_@.vob",),
        ("vts_{stem}_@.ifo", "vts_{stem}_@.bup"),
        mains_belong_together=True,
    ),
    CompanionKind(
        "DVD",
        "https://codedocs.xyz/w3tech/xodi/structifo__handle__t.html",
        ("video_ts.ifo",),
        ("video_ts.bup", "video_ts.vob", *(f"vts_@@_@.{each}" for each in ("ifo", "bup", "vob"))),
    ),
    CompanionKind(
        "clip of a Blu-ray disc or an AVCHD camera",
        "https://docs.rs/crate/libfreemkv/0.13.43/source/src/disc/bluray.rs",
        endings("m2ts mts"),
        endings("clpi mpls cpi mpl"),
    ),
    CompanionKind(
        "VobSub subtitles",
        "https://wiki.multimedia.cx/index.php/VOBsub",
        endings("idx"),
        endings("sub"),
    ),
    CompanionKind(
        "song",
        "https://en.wikipedia.org/wiki/LRC_(file_format)",
        endings(_SONGS),
        endings("lrc"),
    ),
    CompanionKind(
        "playlist",
        "https://docs.fileformat.com/audio/m3u/: it names its files",
        endings(f"{_SONGS} {_FILMS}"),
        endings("m3u m3u8 pls xspf wpl"),
    ),
    CompanionKind(
        "Audacity project",
        "https://github.com/audacity/audacity-manual/blob/master/manual/man/audacity_2.html",
        endings("aup"),
        ("{stem}_data/",),
    ),
    CompanionKind(
        "song for karaoke",
        "https://en.wikipedia.org/wiki/CD%2BG",
        endings("mp3 ogg wav"),
        endings("cdg"),
    ),
    CompanionKind(
        "film that was downloaded with what is said of it",
        "https://github.com/yt-dlp/yt-dlp#filesystem-options,"
        " https://github.com/ytdl-org/youtube-dl#filesystem-options (annotations)",
        endings(f"{_FILMS} {_SONGS}"),
        endings("info.json description live_chat.json annotations.xml"),
    ),
    CompanionKind(
        "book with the reader's notes",
        "https://github.com/koreader/koreader/blob/master/frontend/docsettings.lua",
        endings("epub mobi azw azw3 kfx pdf djvu fb2 cbz"),
        ("{stem}.sdr/",),
    ),
    # Discs and disk images
    CompanionKind(
        "cue sheet",
        "https://www.gnu.org/software/ccd2cue/manual/ccd2cue.html",
        endings("cue"),
        (
            *endings("bin img iso wav flac ape wv mp3 toc"),
            "{stem} (track @).bin",
            "{stem} (track @@).bin",
        ),
    ),
    CompanionKind(
        "GD-ROM image",
        "https://wiki.redump.org/index.php?title=Dreamcast",
        ("*.gdi",),
        ("track@@.bin", "track@@.raw", "track@.bin", "track@.raw"),
    ),
    CompanionKind(
        "CloneCD image",
        "https://www.gnu.org/software/ccd2cue/manual/ccd2cue.html",
        endings("ccd"),
        endings("img sub"),
    ),
    CompanionKind(
        "Media Descriptor image",
        "https://en.wikipedia.org/wiki/Media_Descriptor_File",
        endings("mds"),
        endings("mdf"),
    ),
    CompanionKind(
        "disk image in parts",
        "https://techdocs.broadcom.com/us/en/vmware-cis/desktop-hypervisors/fusion-pro.html",
        endings("vmdk"),
        ("{stem}-s@@@.vmdk", "{stem}-f@@@.vmdk", "{stem}-flat.vmdk", "{stem}-delta.vmdk"),
    ),
    CompanionKind(
        "disk image with snapshots, each a difference from it",
        "https://knowledge.broadcom.com/external/article/420124/workingdir.html,"
        " https://www.vmadmin.co.uk/resources/36-virtualcenter/80-vmsnapshots",
        endings("vmdk"),
        tuple("{stem}-@@@@@@" + each for each in (".vmdk", "-delta.vmdk", "-sesparse.vmdk")),
    ),
    CompanionKind(
        "disk image with checkpoints, each a difference from it",
        "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/"
        "merge-checkpoints-with-many-differencing-disks",
        endings("vhd vhdx"),
        ("{stem}_*.avhdx", "{stem}_*.avhd"),
    ),
    CompanionKind(
        "backup in files, each a difference from the one before",
        "https://knowledgebase.macrium.com/pages/diffpages.action?originalId=5833592&pageId=6817627"
        " (xx-yy.mrimg), https://kbx.macrium.com/macrium-reflect-x/new-in-macrium-reflect-x",
        tuple("{stem}-@@-@@." + each for each in ("mrimg", "mrbak", "mrimgx", "mrbakx")),
        mains_belong_together=True,
    ),
    CompanionKind(
        "disk image in parts",
        "https://github.com/libyal/libewf/blob/main/documentation/",
        endings("e01 ex01 l01 s01"),
        ("{stem}.e@@", "{stem}.ex@@", "{stem}.l@@", "{stem}.s@@"),
    ),
    CompanionKind(
        "disk image in parts",
        "https://keith.github.io/xcode-man-pages/hdiutil.1.html",
        endings("dmg"),
        ("{stem}.@@@.dmgpart",),
    ),
    CompanionKind(
        "disk image in parts",
        "https://learn.microsoft.com/windows-hardware/manufacture/desktop/"
        "split-a-windows-image--wim--file-to-span-across-multiple-dvds",
        endings("swm"),
        ("{stem}@.swm", "{stem}@@.swm"),
    ),
    # Archives in parts
    CompanionKind(
        "archive in parts",
        "https://www.rarlab.com/rar_file.htm",
        ("{stem}.part@.rar", "{stem}.part@@.rar", "{stem}.part@@@.rar"),
        mains_belong_together=True,
    ),
    CompanionKind(
        "archive in parts",
        "https://www.rarlab.com/rar_file.htm",
        endings("rar"),
        ("{stem}.r@@", "{stem}.s@@", "{stem}.rev"),
    ),
    CompanionKind(
        "archive in parts",
        "http://dar.linux.free.fr/doc/man/dar.html",
        ("{stem}.@.dar", "{stem}.@@.dar", "{stem}.@@@.dar"),
        mains_belong_together=True,
    ),
    CompanionKind(
        "archive in parts",
        "https://en.wikipedia.org/wiki/ARJ,"
        " https://en.wikipedia.org/wiki/ACE_(compressed_file_format),"
        " https://github.com/MacPaw/XADMaster/blob/master/XADALZipParser.m",
        endings("arj ace alz"),
        ("{stem}.a@@", "{stem}.b@@", "{stem}.c@@"),
    ),
    CompanionKind(
        "archive in parts",
        "https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT",
        endings("zip zipx"),
        ("{stem}.z@@", "{stem}.zx@@", "{stem}.z@@@"),
    ),
    CompanionKind(
        "file in parts",
        "https://7-zip.opensource.jp/chm/cmdline/switches/volume.htm",
        ("{stem}.@@@", "{stem}.@@@@"),
        ("{stem}.crc",),
        mains_belong_together=True,
    ),
    CompanionKind(
        "file in parts",
        "https://www.gnu.org/software/coreutils/manual/html_node/split-invocation.html",
        ("{stem}.aa", "{stem}.00"),
        ("{stem}.??",),
    ),
    *(
        CompanionKind(
            "file in parts",
            "https://www.gnu.org/software/coreutils/manual/html_node/split-invocation.html",
            (f"{{stem}}.{before}aa",),
            tuple(f"{{stem}}.{before}a{letter}" for letter in "bcdefghijklmnopqrstuvwxyz"),
        )
        for before in ("a", "tar", "gz", "tgz", "bz2", "xz", "zip")
    ),
    CompanionKind(
        "file in parts",
        "https://www.gnu.org/software/coreutils/manual/html_node/split-invocation.html",
        ("xaa", "x00"),
        ("x??",),
    ),
    CompanionKind(
        "file with a signature or a checksum",
        "https://www.gnupg.org/gph/en/manual/x135.html, https://jedisct1.github.io/minisign/,"
        " https://www.rfc-editor.org/rfc/rfc8551#section-3.2.1 (p7s),"
        " https://www.rfc-editor.org/rfc/rfc3161#section-3.2 (tsr),"
        " https://github.com/opentimestamps/opentimestamps-client (ots),"
        " https://github.com/sigstore/sigstore-python (sigstore.json),"
        " https://www.gnu.org/software/coreutils/manual/html_node/md5sum-invocation.html",
        ("{stem}",),
        endings(_SIGNATURES),
    ),
    CompanionKind(
        "recovery set",
        "https://parchive.sourceforge.net/docs/specifications/parity-volume-spec/article-spec.html",
        ("{stem}.par2", "{stem}"),
        ("{stem}.vol*.par2",),
    ),
    # Documents
    CompanionKind(
        "web page with its parts",
        "https://learn.microsoft.com/windows/win32/shell/manage (connected files)",
        endings("htm html xhtml"),
        tuple("{stem}" + each + "/" for each in _PAGE_FOLDERS.split()),
    ),
    # Documents that are open
    CompanionKind(
        "document open in Office",
        "https://support.microsoft.com/topic/"
        "description-of-how-word-creates-temporary-files-66b112fb-d2c0-8f40-a0be-70a367cc4c85",
        ("??{stem}", "?{stem}", "{stem}"),
        ("~${stem}",),
        InUse.PRESENT,
    ),
    CompanionKind(
        "document open in LibreOffice",
        "https://help.libreoffice.org/latest/en-US/text/shared/guide/lock_file.html",
        ("{stem}",),
        (".~lock.{stem}#",),
        InUse.PRESENT,
    ),
    CompanionKind(
        "file open in Emacs, or not saved",
        "https://www.gnu.org/software/emacs/manual/html_node/emacs/Interlocking.html,"
        " https://www.gnu.org/software/emacs/manual/html_node/emacs/Auto-Save-Files.html",
        ("{stem}",),
        (".#{stem}", "#{stem}#"),
        InUse.PRESENT,
    ),
    CompanionKind(
        "file open in Kate",
        "https://github.com/KDE/ktexteditor/blob/master/src/swapfile/kateswapfile.cpp",
        ("{stem}",),
        (".{stem}.kate-swp",),
        InUse.PRESENT,
    ),
    CompanionKind(
        "drawing open in AutoCAD",
        "https://help.autodesk.com/view/ACADWEB/ENU/?caas=caas%2Fsfdcarticles%2Fsfdcarticles%2F"
        "File-locking-no-longer-controlled-by-software.html (DWL and DWL2)",
        endings("dwg"),
        endings("dwl dwl2"),
        InUse.PRESENT,
    ),
    CompanionKind(
        "book open in GnuCash",
        "https://wiki.gnucash.org/docs/C/gnucash-guide/basics-backup1.html",
        ("{stem}",),
        ("{stem}.lck",),
        InUse.PRESENT,
    ),
    CompanionKind(
        "database open in KeePass",
        "https://keepass.info/help/v2/setup.html, https://github.com/keepassxreboot/keepassxc/"
        "blob/2.2.0/src/gui/DatabaseTabWidget.cpp (.x.kdbx.lock)",
        endings("kdbx kdb"),
        ("{stem}.kdbx.lock", "{stem}.kdb.lock", ".{stem}.kdbx.lock", ".{stem}.kdb.lock"),
        InUse.PRESENT,
    ),
    CompanionKind(
        "download that is not complete",
        "https://aria2.github.io/manual/en/html/aria2c.html",
        ("{stem}",),
        ("{stem}.aria2",),
        InUse.PRESENT,
    ),
    CompanionKind(
        "file open in Vim",
        "https://vimhelp.org/recover.txt.html",
        ("{stem}",),
        (".{stem}.swp", ".{stem}.swo"),
        InUse.PRESENT,
    ),
    # Files that systems write beside a file
    CompanionKind(
        "AppleDouble",
        "https://www.rfc-editor.org/rfc/rfc1740#appendix-B",
        ("{stem}",),
        ("._{stem}",),
    ),
    CompanionKind(
        "file with a resource fork",
        "https://github.com/MacPaw/XADMaster/blob/master/Extra/unar.1 (-forks visible)",
        ("{stem}",),
        ("{stem}.rsrc",),
    ),
    *DATA_COMPANIONS,
)
