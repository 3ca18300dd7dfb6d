"""The kinds of files that belong together, by their names, and where that is documented."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class InUse(Enum):
    """What a companion says of the file that it belongs to."""

    NEVER = "nothing"
    PRESENT = "its being there says that a program has the file open, or crashed"
    NOT_EMPTY = "what is in it is not yet in the file"


@dataclass(frozen=True, slots=True)
class CompanionKind:
    """Files whose names have one stem, which is what ``{stem}`` is in all of them.

    In a template ``@`` is a digit, ``?`` any byte and ``*`` any bytes; case does not count. One
    without ``{stem}`` belongs to the whole folder.
    """

    what: str
    source: str
    mains: tuple[str, ...]
    """Names of the files that the set is about: without one there is no set."""
    others: tuple[str, ...] = ()
    in_use: InUse = InUse.NEVER
    mains_belong_together: bool = False
    """Whether two main files with one stem are a set, without any other file."""


def _endings(text: str) -> tuple[str, ...]:
    return tuple("{stem}." + each for each in text.split())


_SETTINGS = "xmp aae pp3 dop thm on1 cos rwl arp vrd nksc"
_PHONE = "heic heif jpg jpeg png dng mov mp4"
_FILMS = "mkv mp4 m4v avi mov wmv mpg mpeg ts m2ts mts vob flv webm ogv divx rmvb asf 3gp m2v iso"
_SUBTITLES = "srt sub idx ssa ass smi vtt sup usf ttml dfxp"

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
        "picture that was edited on a phone",
        "https://support.apple.com/guide/photos/export-photos-videos-and-slideshows-pht6e157c5f/mac",
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
        "VobSub subtitles",
        "https://wiki.multimedia.cx/index.php/VOBsub",
        _endings("idx"),
        _endings("sub"),
    ),
    CompanionKind(
        "song",
        "https://en.wikipedia.org/wiki/LRC_(file_format)",
        _endings("mp3 flac m4a ogg opus wav ape wv aac"),
        _endings("lrc"),
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
    # What systems write beside a file
    CompanionKind(
        "AppleDouble",
        "https://www.rfc-editor.org/rfc/rfc1740#appendix-B",
        ("{stem}",),
        ("._{stem}",),
    ),
)
