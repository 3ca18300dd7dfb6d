"""The kinds of files that belong together, by their names, and where that is documented."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class InUse(Enum):
    """What a companion says about the file that it belongs to."""

    NEVER = "nothing"
    PRESENT = "its being there says that a program has the file open, or crashed"
    NOT_EMPTY = "what is in it is not yet in the file"


@dataclass(frozen=True, slots=True)
class CompanionKind:
    """Files whose names share one stem, which ``{stem}`` stands for in all of them.

    In a template ``@`` is a digit, ``?`` any character and ``*`` one or more of any; case and
    character encoding are ignored. A template without ``{stem}`` belongs to the whole folder. One
    that ends in a slash is a folder, which is only ever removed together with the rest of its set.
    """

    what: str
    source: str
    mains: tuple[str, ...]
    """Names of the main files: without one there is no set."""
    others: tuple[str, ...] = ()
    in_use: InUse = InUse.NEVER
    mains_belong_together: bool = False
    """Whether two main files with one stem are a set without any other file."""


def _endings(text: str) -> tuple[str, ...]:
    return tuple("{stem}." + each for each in text.split())


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
    "asc sig sign minisig dsse md5 sha1 sha256 sha512 b3 md5sum sha1sum sha256sum sha512sum b3sum"
)

COMPANIONS: Final[tuple[CompanionKind, ...]] = (
    # Photographs
    CompanionKind(
        "picture",
        "https://exiftool.org/TagNames/, https://helpx.adobe.com/camera-raw/using/"
        "supported-cameras.html",
        _endings(
            "jpg jpeg heic heif avif tif tiff dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef"
            " srw gpr x3f 3fr iiq mrw mov mp4 m4v"
        ),
        (*_endings(_SETTINGS), *("{stem}.*." + each for each in _SETTINGS.split())),
        mains_belong_together=True,
    ),
    CompanionKind(
        "picture of another format",
        "https://exiftool.org/metafiles.html, https://github.com/immich-app/immich/pull/8235",
        _endings("png apng webp psd psb gif bmp jxl jp2 jxr exr hdr tga"),
        (*_endings(_SETTINGS), *("{stem}.*." + each for each in _SETTINGS.split())),
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
        _endings(_FILMS),
        (
            *_endings(_SUBTITLES + " nfo edl"),
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
        _endings("m2ts mts"),
        _endings("clpi mpls cpi mpl"),
    ),
    CompanionKind(
        "VobSub subtitles",
        "https://wiki.multimedia.cx/index.php/VOBsub",
        _endings("idx"),
        _endings("sub"),
    ),
    CompanionKind(
        "song",
        "https://en.wikipedia.org/wiki/LRC_(file_format)",
        _endings(_SONGS),
        _endings("lrc"),
    ),
    CompanionKind(
        "playlist",
        "https://docs.fileformat.com/audio/m3u/: it names its files",
        _endings(f"{_SONGS} {_FILMS}"),
        _endings("m3u m3u8 pls xspf wpl"),
    ),
    CompanionKind(
        "Audacity project",
        "https://github.com/audacity/audacity-manual/blob/master/manual/man/audacity_2.html",
        _endings("aup"),
        ("{stem}_data/",),
    ),
    # Discs and disk images
    CompanionKind(
        "cue sheet",
        "https://www.gnu.org/software/ccd2cue/manual/ccd2cue.html",
        _endings("cue"),
        (
            *_endings("bin img iso wav flac ape wv mp3 toc"),
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
        _endings("ccd"),
        _endings("img sub"),
    ),
    CompanionKind(
        "Media Descriptor image",
        "https://en.wikipedia.org/wiki/Media_Descriptor_File",
        _endings("mds"),
        _endings("mdf"),
    ),
    CompanionKind(
        "disk image in parts",
        "https://techdocs.broadcom.com/us/en/vmware-cis/desktop-hypervisors/fusion-pro.html",
        _endings("vmdk"),
        ("{stem}-s@@@.vmdk", "{stem}-f@@@.vmdk", "{stem}-flat.vmdk", "{stem}-delta.vmdk"),
    ),
    CompanionKind(
        "disk image in parts",
        "https://github.com/libyal/libewf/blob/main/documentation/",
        _endings("e01 ex01 l01 s01"),
        ("{stem}.e@@", "{stem}.ex@@", "{stem}.l@@", "{stem}.s@@"),
    ),
    CompanionKind(
        "disk image in parts",
        "https://keith.github.io/xcode-man-pages/hdiutil.1.html",
        _endings("dmg"),
        ("{stem}.@@@.dmgpart",),
    ),
    CompanionKind(
        "disk image in parts",
        "https://learn.microsoft.com/windows-hardware/manufacture/desktop/"
        "split-a-windows-image--wim--file-to-span-across-multiple-dvds",
        _endings("swm"),
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
        _endings("rar"),
        ("{stem}.r@@", "{stem}.s@@", "{stem}.rev"),
    ),
    CompanionKind(
        "archive in parts",
        "https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT",
        _endings("zip zipx"),
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
    CompanionKind(
        "file in parts",
        "https://www.gnu.org/software/coreutils/manual/html_node/split-invocation.html",
        ("xaa", "x00"),
        ("x??",),
    ),
    CompanionKind(
        "file with a signature or a checksum",
        "https://www.gnupg.org/gph/en/manual/x135.html, https://jedisct1.github.io/minisign/,"
        " https://www.gnu.org/software/coreutils/manual/html_node/md5sum-invocation.html",
        ("{stem}",),
        _endings(_SIGNATURES),
    ),
    CompanionKind(
        "recovery set",
        "https://parchive.sourceforge.net/docs/specifications/parity-volume-spec/article-spec.html",
        ("{stem}.par2", "{stem}"),
        ("{stem}.vol*.par2",),
    ),
    # Maps
    CompanionKind(
        "shapefile",
        "https://doc.arcgis.com/en/arcgis-online/reference/shapefiles.htm",
        _endings("shp"),
        (
            *_endings(
                "shx dbf prj cpg sbn sbx fbn fbx ain aih ixs mxs qix qpj qml qmd shp.xml cst"
            ),
            "{stem}.*.atx",
        ),
    ),
    CompanionKind(
        "MapInfo table",
        "https://gdal.org/en/stable/drivers/vector/mitab.html",
        _endings("tab"),
        _endings("dat map id ind dbf"),
    ),
    CompanionKind(
        "MapInfo interchange files",
        "https://gdal.org/en/stable/drivers/vector/mitab.html",
        _endings("mif"),
        _endings("mid"),
    ),
    CompanionKind(
        "map image",
        "https://gdal.org/en/stable/drivers/raster/wld.html",
        _endings("tif tiff jpg jpeg png gif bmp jp2 ecw sid img"),
        (
            *_endings("tfw tifw jgw jpgw pgw pngw gfw bpw j2w eww sdw wld ige hdr rrd"),
            *("{stem}.*." + each for each in ("aux.xml", "ovr", "msk")),
        ),
    ),
    # Databases
    CompanionKind(
        "SQLite database with a log",
        "https://www.sqlite.org/tempfiles.html",
        ("{stem}",),
        ("{stem}-wal", "{stem}-journal"),
        InUse.NOT_EMPTY,
    ),
    CompanionKind(
        "SQLite database with shared memory",
        "https://www.sqlite.org/walformat.html",
        ("{stem}",),
        ("{stem}-shm",),
    ),
    CompanionKind(
        "LMDB database",
        "http://www.lmdb.tech/doc/starting.html",
        ("data.mdb",),
        ("lock.mdb",),
    ),
    CompanionKind(
        "LMDB database", "http://www.lmdb.tech/doc/group__mdb.html", ("{stem}",), ("{stem}-lock",)
    ),
    CompanionKind(
        "Access database",
        "https://learn.microsoft.com/office/troubleshoot/access/lock-files-introduction",
        _endings("mdb accdb mde accde"),
        _endings("ldb laccdb"),
        InUse.PRESENT,
    ),
    CompanionKind(
        "Berkeley DB environment",
        "https://docs.oracle.com/cd/E17076_05/html/programmer_reference/env_region.html",
        ("log.@@@@@@@@@@",),
        ("__db.@@@", "*.db", "*.bdb"),
    ),
    CompanionKind(
        "MySQL table",
        "https://dev.mysql.com/doc/refman/5.7/en/myisam-storage-engine.html,"
        " https://dev.mysql.com/doc/refman/8.4/en/innodb-file-per-table-tablespaces.html",
        _endings("frm myd myi ibd mad mai"),
        (*_endings("par trg trn isl cfg cfp sdi"), "{stem}_@@@.sdi", "{stem}#p#*.ibd"),
        mains_belong_together=True,
    ),
    CompanionKind(
        "dBASE table",
        "https://www.clicketyclick.dk/databases/xbase/format/",
        _endings("dbf"),
        _endings("dbt fpt cdx mdx ndx ntx"),
    ),
    CompanionKind(
        "Outlook Express or Mozilla mailbox",
        "https://kb.mozillazine.org/Files_and_folders_in_the_profile_-_Thunderbird",
        ("{stem}",),
        ("{stem}.msf",),
    ),
    # Documents
    CompanionKind(
        "web page with its parts",
        "https://learn.microsoft.com/windows/win32/shell/manage (connected files)",
        _endings("htm html xhtml"),
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
)
