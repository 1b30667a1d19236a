# Shared by the programs of Cassandra: where things are, which Java, and the class path.
# A program sources this file; each variable may be set from outside.

: "${CASSANDRA_HOME:=/opt/cassandra}"
: "${CASSANDRA_CONF:=$CASSANDRA_HOME/conf}"
: "${CASSANDRA_LOG_DIR:=$CASSANDRA_HOME/logs}"
: "${cassandra_storagedir:=$CASSANDRA_HOME/data}"

if [ -n "${JAVA_HOME:-}" ]; then
    JAVA="$JAVA_HOME/bin/java"
else
    JAVA=java
fi

# The first number of `java -version`, e.g. 17.
JAVA_VERSION=$("$JAVA" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)

# The configuration comes first, so that files are found in it as resources.
CLASSPATH="$CASSANDRA_CONF"
for jar in "$CASSANDRA_HOME"/lib/*.jar; do
    CLASSPATH="$CLASSPATH:$jar"
done
CLASSPATH="$CLASSPATH${EXTRA_CLASSPATH:+:$EXTRA_CLASSPATH}"

# jamm measures objects; without its agent Cassandra guesses, and 4.1 does not start on Java 17.
for jar in "$CASSANDRA_HOME"/lib/jamm-*.jar; do
    JAVA_AGENT="${JAVA_AGENT:-} -javaagent:$jar"
done

# Prints the options of the files given, one a line; a line is an option when it begins with "-".
options_in() {
    for file in "$@"; do
        [ -r "$file" ] && grep '^-' "$file"
    done
    return 0
}

# The option files of one kind ("server" or "clients"): the common one, then the one for this Java.
option_files() {
    if [ "${JAVA_VERSION:-0}" -ge 17 ] && [ -r "$CASSANDRA_CONF/jvm17-$1.options" ]; then
        echo "$CASSANDRA_CONF/jvm-$1.options $CASSANDRA_CONF/jvm17-$1.options"
    else
        echo "$CASSANDRA_CONF/jvm-$1.options $CASSANDRA_CONF/jvm11-$1.options"
    fi
}
