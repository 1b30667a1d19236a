"""
The named JVM options of CONFIG_FILE_DATA and the flags that they stand for.

The names are those of cass-config-builder, so that what users of CassKop wrote goes on working.
`-` and `_` in a name are the same here: its own names use both.
Anything that has no name goes into `additional-jvm-opts`.
"""

from __future__ import annotations

import enum

import attrs


class Kind(enum.Enum):
    """What a value has to look like."""

    WORD = "a text without blanks"
    WHOLE = "a whole number"
    SIZE = "a size such as 512M or 4G"
    YES_NO = "true or false"


@attrs.frozen
class Value:
    """The flag is *prefix* followed by the value."""

    prefix: str
    kind: Kind


@attrs.frozen
class Switch:
    """True puts the flag there, false takes it away."""

    flag: str


Option = Value | Switch

# For every Java: jvm-server.options, or jvm.options with Cassandra 3.11.
GENERAL: dict[str, Option] = {
    "cassandra_available_processors": Value("-Dcassandra.available_processors=", Kind.WHOLE),
    "cassandra_disable_auth_caches_remote_configuration": Value(
        "-Dcassandra.disable_auth_caches_remote_configuration=", Kind.YES_NO
    ),
    "cassandra_expiration_date_overflow_policy": Value(
        "-Dcassandra.expiration_date_overflow_policy=", Kind.WORD
    ),
    "cassandra_force_3_0_protocol_version": Switch("-Dcassandra.force_3_0_protocol_version=true"),
    "cassandra_force_default_indexing_page_size": Value(
        "-Dcassandra.force_default_indexing_page_size=", Kind.YES_NO
    ),
    "cassandra_initial_token": Value("-Dcassandra.initial_token=", Kind.WORD),
    "cassandra_join_ring": Value("-Dcassandra.join_ring=", Kind.YES_NO),
    "cassandra_load_ring_state": Value("-Dcassandra.load_ring_state=", Kind.YES_NO),
    "cassandra_max_hint_ttl": Value("-Dcassandra.maxHintTTL=", Kind.WORD),
    "cassandra_metrics_reporter_config_file": Value("-Dcassandra.metricsReporterConfigFile=", Kind.WORD),
    "cassandra_replace_address": Value("-Dcassandra.replace_address=", Kind.WORD),
    "cassandra_replay_list": Value("-Dcassandra.replayList=", Kind.WORD),
    "cassandra_ring_delay_ms": Value("-Dcassandra.ring_delay_ms=", Kind.WHOLE),
    "cassandra_triggers_dir": Value("-Dcassandra.triggers_dir=", Kind.WORD),
    "cassandra_write_survey": Value("-Dcassandra.write_survey=", Kind.YES_NO),
    "enable_assertions": Switch("-ea"),
    "use_thread_priorities": Switch("-XX:+UseThreadPriorities"),
    "heap_dump_on_out_of_memory_error": Switch("-XX:+HeapDumpOnOutOfMemoryError"),
    "per_thread_stack_size": Value("-Xss", Kind.SIZE),
    "string_table_size": Value("-XX:StringTableSize=", Kind.WORD),
    "always_pre_touch": Switch("-XX:+AlwaysPreTouch"),
    # The name says the opposite of the flag; that is how cass-config-builder has it.
    "use_biased_locking": Switch("-XX:-UseBiasedLocking"),
    "use_tlb": Switch("-XX:+UseTLAB"),
    "resize_tlb": Switch("-XX:+ResizeTLAB"),
    "use_numa": Switch("-XX:+UseNUMA"),
    "perf_disable_shared_mem": Switch("-XX:+PerfDisableSharedMem"),
    "java_net_prefer_ipv4_stack": Switch("-Djava.net.preferIPv4Stack=true"),
    "page_align_direct_memory": Switch("-Dsun.nio.PageAlignDirectMemory=true"),
    "restrict_contended": Switch("-XX:-RestrictContended"),
    "guaranteed_safepoint_interval": Value("-XX:GuaranteedSafepointInterval=", Kind.WORD),
    "unlock_diagnostic_vm_options": Switch("-XX:+UnlockDiagnosticVMOptions"),
    "debug_non_safepoints": Switch("-XX:+DebugNonSafepoints"),
    "preserve_frame_pointer": Switch("-XX:+PreserveFramePointer"),
    "unlock_commercial_features": Switch("-XX:+UnlockCommercialFeatures"),
    # Misspelt in cass-config-builder's list for 3.11.
    "unlock_commerical_features": Switch("-XX:+UnlockCommercialFeatures"),
    "flight_recorder": Switch("-XX:+FlightRecorder"),
    "log_compilation": Switch("-XX:+LogCompilation"),
    "agent_lib_jdwp": Switch("-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=1414"),
    "initial_heap_size": Value("-Xms", Kind.SIZE),
    "max_heap_size": Value("-Xmx", Kind.SIZE),
    "jdk_nio_maxcachedbuffersize": Value("-Djdk.nio.maxCachedBufferSize=", Kind.WHOLE),
    "io_netty_eventloop_maxpendingtasks": Value("-Dio.netty.eventLoop.maxPendingTasks=", Kind.WHOLE),
    "crash_on_out_of_memory_error": Switch("-XX:+CrashOnOutOfMemoryError"),
    "exit_on_out_of_memory_error": Switch("-XX:+ExitOnOutOfMemoryError"),
    "print_heap_histogram_on_out_of_memory_error": Value(
        "-Dcassandra.printHeapHistogramOnOutOfMemoryError=", Kind.YES_NO
    ),
}

# For Java 11 and later only.
MODULES: dict[str, Option] = {
    "io_netty_try_reflection_set_accessible": Switch("-Dio.netty.tryReflectionSetAccessible=true"),
    "jdk_attach_allow_attach_self": Switch("-Djdk.attach.allowAttachSelf=true"),
}

# For Java 8 only: later ones do not start with some of these.
JAVA_8: dict[str, Option] = {
    "gc_log_file_size": Value("-XX:GCLogFileSize=", Kind.WORD),
    "log_gc": Switch("-Xloggc:/var/log/cassandra/gc.log"),
    "number_of_gc_log_files": Value("-XX:NumberOfGCLogFiles=", Kind.WHOLE),
    "print_flss_statistics": Switch("-XX:PrintFLSStatistics=1"),
    "print_gc_application_stopped_time": Switch("-XX:+PrintGCApplicationStoppedTime"),
    "print_gc_date_stamps": Switch("-XX:+PrintGCDateStamps"),
    "print_gc_details": Switch("-XX:+PrintGCDetails"),
    "print_heap_at_gc": Switch("-XX:+PrintHeapAtGC"),
    "print_promotion_failure": Switch("-XX:+PrintPromotionFailure"),
    "print_tenuring_distribution": Switch("-XX:+PrintTenuringDistribution"),
    "thread_priority_policy_42": Switch("-XX:ThreadPriorityPolicy=42"),
    "use_gc_log_file_rotation": Switch("-XX:+UseGCLogFileRotation"),
}

# Only with the collector they belong to; with another one they are left out, as in cass-config-builder.
TUNING: dict[str, dict[str, Option]] = {
    "G1GC": {
        "conc_gc_threads": Value("-XX:ConcGCThreads=", Kind.WHOLE),
        "g1r_set_updating_pause_time_percent": Value("-XX:G1RSetUpdatingPauseTimePercent=", Kind.WHOLE),
        "initiating_heap_occupancy_percent": Value("-XX:InitiatingHeapOccupancyPercent=", Kind.WHOLE),
        "max_gc_pause_millis": Value("-XX:MaxGCPauseMillis=", Kind.WHOLE),
        "parallel_gc_threads": Value("-XX:ParallelGCThreads=", Kind.WHOLE),
    },
    "CMS": {
        "cms_initiating_occupancy_fraction": Value("-XX:CMSInitiatingOccupancyFraction=", Kind.WHOLE),
        "cms_wait_duration": Value("-XX:CMSWaitDuration=", Kind.WHOLE),
        "heap_size_young_generation": Value("-Xmn", Kind.SIZE),
        "max_tenuring_threshold": Value("-XX:MaxTenuringThreshold=", Kind.WHOLE),
        "survivor_ratio": Value("-XX:SurvivorRatio=", Kind.WHOLE),
    },
}
COLLECTOR_OF = {key: collector for collector, keys in TUNING.items() for key in keys}


@attrs.frozen(kw_only=True)
class Collector:
    """A garbage collector: the flag that chooses it, what goes with it, and the Javas that have it."""

    flag: str
    lines: tuple[str, ...]
    first_java: int
    last_java: int


# The unlocking flag has to stand before the flag that it unlocks.
_EXPERIMENTAL = "-XX:+UnlockExperimentalVMOptions"
_NO_END = 99
COLLECTORS: dict[str, Collector] = {
    "CMS": Collector(
        flag="-XX:+UseConcMarkSweepGC",
        lines=(
            "-XX:+UseConcMarkSweepGC",
            "-XX:+CMSParallelRemarkEnabled",
            "-XX:SurvivorRatio=8",
            "-XX:MaxTenuringThreshold=1",
            "-XX:CMSInitiatingOccupancyFraction=75",
            "-XX:+UseCMSInitiatingOccupancyOnly",
            "-XX:CMSWaitDuration=10000",
            "-XX:+CMSParallelInitialMarkEnabled",
            "-XX:+CMSEdenChunksRecordAlways",
            "-XX:+CMSClassUnloadingEnabled",
        ),
        first_java=8,
        last_java=13,
    ),
    "G1GC": Collector(
        flag="-XX:+UseG1GC",
        lines=(
            "-XX:+UseG1GC",
            "-XX:+ParallelRefProcEnabled",
            "-XX:G1RSetUpdatingPauseTimePercent=5",
            "-XX:MaxGCPauseMillis=500",
        ),
        first_java=8,
        last_java=_NO_END,
    ),
    "ZGC": Collector(
        flag="-XX:+UseZGC",
        lines=(_EXPERIMENTAL, "-XX:+UseZGC"),
        first_java=11,
        last_java=_NO_END,
    ),
    "Shenandoah": Collector(
        flag="-XX:+UseShenandoahGC",
        lines=(_EXPERIMENTAL, "-XX:+UseShenandoahGC"),
        first_java=11,
        last_java=_NO_END,
    ),
    # No collector but a compiler; cass-config-builder lists it here.
    "Graal": Collector(
        flag="-XX:+UseJVMCICompiler",
        lines=(_EXPERIMENTAL, "-XX:+UseJVMCICompiler"),
        first_java=11,
        last_java=16,
    ),
}

# Names of flags that belong to one collector: they go when another one is chosen.
COLLECTOR_FLAGS = (
    "UseG1GC",
    "UseConcMarkSweepGC",
    "UseParNewGC",
    "UseZGC",
    "UseShenandoahGC",
    "UseSerialGC",
    "UseParallelGC",
    "UseParallelOldGC",
    "UseJVMCICompiler",
    "MaxGCPauseMillis",
    "InitiatingHeapOccupancyPercent",
    "ParallelRefProcEnabled",
    "SurvivorRatio",
    "MaxTenuringThreshold",
)
COLLECTOR_FLAG_PREFIXES = ("G1", "CMS", "UseCMS", "Shenandoah", "ZCollection", "ZUncommit", "ZGenerational")

GARBAGE_COLLECTOR = "garbage_collector"
JMX = (
    "jmx_connection_type",
    "jmx_port",
    "jmx_remote_ssl",
    "jmx_remote_ssl_opts",
    "jmx_remote_ssl_require_client_auth",
)

# Names that are known and nonetheless refused, with the reason.
REFUSED = {
    "cassandra_config_directory": "Cassandra reads /etc/cassandra in these pods, and its seeds stand there",
}
