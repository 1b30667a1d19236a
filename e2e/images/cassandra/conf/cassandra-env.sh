# Sourced by the launcher. It makes JVM_OPTS, the words that Java is started with, from what is in
# JVM_OPTS already, the option files of this folder, and the sizes of this machine.
#
# May be set from outside: MAX_HEAP_SIZE, HEAP_NEWSIZE, LOCAL_JMX, JVM_OPTS, JVM_EXTRA_OPTS.

# The port of JMX; nodetool reads this line as well.
JMX_PORT="7199"

# Fewer of glibc's memory arenas: many threads would otherwise each keep some.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-4}"

# Half of a small memory or a quarter of a large one, between 1 and 8 GiB as upstream has it.
calculate_heap_sizes() {
    memory_mb=$(free -m | awk '/^Mem:/ {print $2}')
    half=$((memory_mb / 2))
    quarter=$((half / 2))
    [ "$half" -gt 1024 ] && half=1024
    [ "$quarter" -gt 8192 ] && quarter=8192
    if [ "$half" -gt "$quarter" ]; then
        MAX_HEAP_SIZE="${half}M"
    else
        MAX_HEAP_SIZE="${quarter}M"
    fi
}

JVM_FILE_OPTS=$(options_in $(option_files server))
for word in $JVM_FILE_OPTS; do
    JVM_OPTS="${JVM_OPTS:-} $word"
done

case " $JVM_OPTS " in
    *" -Xmx"*) ;; # the option files say it
    *)
        [ -n "${MAX_HEAP_SIZE:-}" ] || calculate_heap_sizes
        JVM_OPTS="$JVM_OPTS -Xms$MAX_HEAP_SIZE -Xmx$MAX_HEAP_SIZE"
        ;;
esac
# G1 sizes its young generation itself; the other collectors may be told.
case " $JVM_OPTS " in
    *" -XX:+UseG1GC "*) ;;
    *) [ -n "${HEAP_NEWSIZE:-}" ] && JVM_OPTS="$JVM_OPTS -Xmn$HEAP_NEWSIZE" ;;
esac

[ -n "${CASSANDRA_HEAPDUMP_DIR:-}" ] &&
    JVM_OPTS="$JVM_OPTS -XX:HeapDumpPath=$CASSANDRA_HEAPDUMP_DIR/cassandra-$(date +%s)-pid$$.hprof"

# A node out of memory must not go on with half of its threads gone.
JVM_OPTS="$JVM_OPTS -XX:+ExitOnOutOfMemoryError"

# Statements that the compiler must not inline; the file is part of the configuration if it exists.
[ -r "$CASSANDRA_CONF/hotspot_compiler" ] &&
    JVM_OPTS="$JVM_OPTS -XX:CompileCommandFile=$CASSANDRA_CONF/hotspot_compiler"

# JMX listens on the loopback address only, unless LOCAL_JMX is "no".
if [ "${LOCAL_JMX:-yes}" = "yes" ]; then
    JVM_OPTS="$JVM_OPTS -Dcassandra.jmx.local.port=$JMX_PORT"
    JVM_OPTS="$JVM_OPTS -Dcom.sun.management.jmxremote.authenticate=false"
else
    JVM_OPTS="$JVM_OPTS -Dcassandra.jmx.remote.port=$JMX_PORT"
    JVM_OPTS="$JVM_OPTS -Dcom.sun.management.jmxremote.rmi.port=$JMX_PORT"
    JVM_OPTS="$JVM_OPTS -Dcom.sun.management.jmxremote.authenticate=true"
    JVM_OPTS="$JVM_OPTS -Dcom.sun.management.jmxremote.password.file=/etc/cassandra/jmxremote.password"
fi

JVM_OPTS="$JVM_OPTS ${JVM_EXTRA_OPTS:-}"
