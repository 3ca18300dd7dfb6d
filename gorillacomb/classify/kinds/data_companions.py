"""The files that belong together of maps, databases, measurements and models."""

from __future__ import annotations

from typing import Final

from gorillacomb.classify.kinds.companion_kind import CompanionKind, InUse, endings

DATA_COMPANIONS: Final = (
    # Maps
    CompanionKind(
        "shapefile",
        "https://doc.arcgis.com/en/arcgis-online/reference/shapefiles.htm",
        endings("shp"),
        (
            *endings("shx dbf prj cpg sbn sbx fbn fbx ain aih ixs mxs qix qpj qml qmd shp.xml cst"),
            "{stem}.*.atx",
        ),
    ),
    CompanionKind(
        "MapInfo table",
        "https://gdal.org/en/stable/drivers/vector/mitab.html",
        endings("tab"),
        endings("dat map id ind dbf"),
    ),
    CompanionKind(
        "MapInfo interchange files",
        "https://gdal.org/en/stable/drivers/vector/mitab.html",
        endings("mif"),
        endings("mid"),
    ),
    CompanionKind(
        "map image",
        "https://gdal.org/en/stable/drivers/raster/wld.html",
        endings("tif tiff jpg jpeg png gif bmp jp2 ecw sid img"),
        (
            *endings("tfw tifw jgw jpgw pgw pngw gfw bpw j2w eww sdw wld ige hdr rrd"),
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
        endings("mdb accdb mde accde"),
        endings("ldb laccdb"),
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
        endings("frm myd myi ibd mad mai"),
        (*endings("par trg trn isl cfg cfp sdi"), "{stem}_@@@.sdi", "{stem}#p#*.ibd"),
        mains_belong_together=True,
    ),
    CompanionKind(
        "dBASE table",
        "https://www.clicketyclick.dk/databases/xbase/format/",
        endings("dbf"),
        endings("dbt fpt cdx mdx ndx ntx"),
    ),
    CompanionKind(
        "Outlook Express or Mozilla mailbox",
        "https://kb.mozillazine.org/Files_and_folders_in_the_profile_-_Thunderbird",
        ("{stem}",),
        ("{stem}.msf",),
    ),
    CompanionKind(
        "SQL Server database",
        "https://learn.microsoft.com/sql/relational-databases/databases/"
        "database-files-and-filegroups",
        endings("mdf"),
        ("{stem}.ldf", "{stem}_log.ldf", "{stem}.ndf"),
    ),
    CompanionKind(
        "HSQLDB database",
        "https://hsqldb.org/doc/2.0/guide/running-chapt.html (database files)",
        endings("script"),
        endings("log properties data backup lobs"),
    ),
    CompanionKind(
        "HSQLDB database that is open",
        "https://hsqldb.org/doc/2.0/guide/running-chapt.html (database files)",
        endings("script"),
        endings("lck"),
        InUse.PRESENT,
    ),
    CompanionKind(
        "H2 database",
        "https://www.h2database.com/html/features.html#database_file_layout",
        ("{stem}.h2.db", "{stem}.mv.db"),
        ("{stem}.lock.db",),
        InUse.PRESENT,
    ),
    CompanionKind(
        "Paradox table",
        "https://en.wikipedia.org/wiki/Paradox_(database)",
        endings("db"),
        endings("px mb val"),
    ),
    # Measurements, models and dictionaries: a header, and data that only it explains
    CompanionKind(
        "raster with a header",
        "https://gdal.org/en/stable/drivers/raster/envi.html,"
        " https://gdal.org/en/stable/drivers/raster/ehdr.html",
        endings("hdr"),
        endings("bil bip bsq flt dat raw"),
    ),
    CompanionKind(
        "image of a scanner",
        "https://itk.org/Wiki/ITK/MetaIO/Documentation,"
        " https://teem.sourceforge.net/nrrd/format.html",
        endings("mhd nhdr"),
        ("{stem}.raw", "{stem}.zraw", "{stem}.raw.gz"),
    ),
    CompanionKind(
        "scan with its description",
        "https://bids-specification.readthedocs.io/en/stable/common-principles.html",
        ("{stem}.nii", "{stem}.nii.gz"),
        endings("json bval bvec"),
    ),
    CompanionKind(
        "BrainVision recording",
        "https://www.brainproducts.com/support-resources/brainvision-core-data-format-1-0/",
        endings("vhdr"),
        endings("eeg vmrk dat avg"),
    ),
    CompanionKind(
        "sequences with an index",
        "http://www.htslib.org/doc/samtools-index.html, http://www.htslib.org/doc/tabix.html,"
        " http://www.htslib.org/doc/faidx.html",
        ("{stem}",),
        endings("bai csi crai tbi fai gzi"),
    ),
    CompanionKind(
        "sequences with an index whose ending replaces theirs",
        "https://github.com/samtools/htslib/blob/develop/hts.c (idx_filename)",
        endings("bam cram"),
        endings("bai csi crai"),
    ),
    CompanionKind(
        "model with materials",
        "https://paulbourke.net/dataformats/mtl/",
        endings("obj"),
        endings("mtl"),
    ),
    CompanionKind(
        "glTF model",
        "https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html",
        endings("gltf"),
        endings("bin"),
    ),
    CompanionKind(
        "weights in parts",
        "https://huggingface.co/docs/transformers/big_models,"
        " https://github.com/ggml-org/llama.cpp/blob/master/tools/gguf-split/README.md",
        tuple("{stem}-@@@@@-of-@@@@@." + ending for ending in ("safetensors", "bin", "gguf")),
        ("{stem}.safetensors.index.json", "{stem}.bin.index.json"),
        mains_belong_together=True,
    ),
    CompanionKind(
        "checkpoint of TensorFlow",
        "https://www.tensorflow.org/guide/checkpoint",
        ("{stem}.index",),
        ("{stem}.meta", "{stem}.data-@@@@@-of-@@@@@"),
    ),
    CompanionKind(
        "ONNX model",
        "https://onnx.ai/onnx/repo-docs/ExternalData.html, https://github.com/mozilla-firefox/firefox/"
        "blob/main/toolkit/components/ml/tools/convert_to_external_data.py (onnx_data)",
        endings("onnx"),
        endings("onnx.data onnx_data"),
    ),
    CompanionKind(
        "dictionary",
        "https://github.com/huzheng001/stardict-3/blob/master/dict/doc/StarDictFileFormat",
        endings("ifo"),
        ("{stem}.idx", "{stem}.idx.gz", "{stem}.dict", "{stem}.dict.dz", "{stem}.syn"),
    ),
    CompanionKind(
        "MDict dictionary",
        "https://github.com/xiaoyifang/goldendict-ng/blob/staged/src/dict/mdx.cc (volumes)",
        endings("mdx"),
        ("{stem}.mdd", "{stem}.@.mdd"),
    ),
)
