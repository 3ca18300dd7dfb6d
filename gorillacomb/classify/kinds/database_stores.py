"""The databases and data sets that are a folder."""

from __future__ import annotations

from typing import Final

from gorillacomb.classify.kinds.store_kind import StoreKind

_DIGIT = "[0-9]"

DATABASE_STORES: Final = (
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
        files=("__db.001|__db.002|__db.003",),
    ),
    StoreKind(
        "Berkeley DB environment without its shared memory",
        "https://docs.oracle.com/cd/E17076_05/html/programmer_reference/env_db_config.html",
        files=("DB_CONFIG", "*.db|*.bdb"),
    ),
    StoreKind(
        "Lucene index",
        "https://lucene.apache.org/core/9_0_0/core/org/apache/lucene/codecs/lucene90/package-summary.html",
        files=("segments_*", "*.si|*.cfs"),
    ),
    StoreKind(
        "Prometheus data",
        "https://github.com/prometheus/prometheus/blob/main/tsdb/docs/format/head_chunks.md",
        folders=("chunks_head", "wal"),
    ),
    StoreKind(
        "InfluxDB data",
        "https://docs.influxdata.com/influxdb/v1/concepts/file-system-layout/,"
        " https://github.com/influxdata/influxdb/blob/1.8/services/meta/client.go (meta.db)",
        folders=("wal", "data"),
        files=("meta/meta.db",),
    ),
    StoreKind(
        "ClickHouse data",
        "https://github.com/ClickHouse/ClickHouse/blob/master/src/Core/ServerUUID.cpp"
        " (the file uuid of its path)",
        files=("uuid", "metadata/*.sql"),
    ),
    StoreKind(
        "CouchDB data",
        "https://docs.couchdb.org/en/stable/cluster/databases.html (_dbs, _users)",
        files=("_dbs.couch|_users.couch",),
    ),
    StoreKind(
        "Neo4j database",
        "https://neo4j.com/docs/operations-manual/current/configuration/file-locations/",
        files=("neostore",),
    ),
    StoreKind(
        "Redis append-only files",
        "https://github.com/redis/redis/blob/unstable/redis.conf (appenddirname)",
        named=("appendonlydir",),
        files=("*.aof.manifest",),
    ),
    StoreKind(
        "Elasticsearch data",
        "https://www.elastic.co/blog/found-dive-into-elasticsearch-storage",
        folders=("_state", "indices"),
    ),
    StoreKind(
        "MinIO data",
        "https://github.com/minio/minio/blob/master/cmd/object-api-utils.go (minioMetaBucket)",
        folders=(".minio.sys",),
    ),
    StoreKind(
        "Bitcoin data",
        "https://github.com/bitcoin/bitcoin/blob/master/doc/files.md",
        folders=("chainstate", "blocks"),
    ),
    StoreKind(
        "GnuPG home",
        "https://www.gnupg.org/documentation/manuals/gnupg/GPG-Configuration.html",
        folders=("private-keys-v1.d",),
    ),
    StoreKind(
        "Seafile storage",
        "https://github.com/haiwen/seafile-server/blob/master/common/obj-backend-fs.c,"
        " https://github.com/haiwen/seafile-server/blob/master/common/block-backend-fs.c",
        folders=("storage/commits", "storage/blocks"),
    ),
    # Data sets that are a folder: a reader takes a missing part for an empty one
    StoreKind(
        "Zarr array or group",
        "https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html",
        files=(".zgroup|.zarray|zarr.json",),
    ),
    StoreKind(
        "TileDB array",
        "https://github.com/TileDB-Inc/TileDB/blob/main/format_spec/array_file_hierarchy.md",
        folders=("__fragments", "__schema"),
    ),
    StoreKind(
        "Delta Lake table",
        "https://github.com/delta-io/delta/blob/master/PROTOCOL.md",
        folders=("_delta_log",),
    ),
    StoreKind("Hudi table", "https://hudi.apache.org/docs/file_layouts", folders=(".hoodie",)),
    StoreKind(
        "Arc/Info grid",
        "https://gdal.org/en/stable/drivers/raster/aig.html",
        files=("w001001.adf|hdr.adf",),
    ),
)
