# Asking this node's Jolokia, for the probes and the drain. Sourced, not run.
#
# Needs bash and nothing else, and starts no process: what is left behind by a probe that is cut off would
# stay a zombie, since Cassandra is the container's first process and does not collect them.
# The Authorization header is read from a file that only Cassandra's user can read; it is in no argument and
# in no output.

: "${POD_IP:?is not set}"
files=${BASH_SOURCE[0]%/*}
port=8778
service=org.apache.cassandra.db:type=StorageService

# The last answer: its HTTP status, its body, and what `look_up` found in it.
http= body= found=

# ask PATH SECONDS: fill http and body; fails if no HTTP answer came in time. Only a connect to a JVM that
# takes no connections any more can last longer; the kubelet ends that.
ask() {
  local path=$1 limit=$2 header= answer=
  http= body=
  if [[ -r $files/jolokia.auth ]]; then
    IFS= read -r header <"$files/jolokia.auth"
  fi
  { exec 3<>"/dev/tcp/$POD_IP/$port"; } 2>/dev/null || return 1
  printf 'GET %s HTTP/1.0\r\nHost: %s\r\n%s\r\n' "$path" "$POD_IP" "${header:+$header$'\r\n'}" >&3
  # Up to the end of the answer: with HTTP/1.0 the server closes the connection after it.
  IFS= read -r -d '' -t "$limit" answer <&3
  exec 3>&-
  [[ $answer =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]] || return 1
  http=${BASH_REMATCH[1]}
  body=${answer#*$'\r\n\r\n'}
}

# answered: whether the last answer carries a value of Cassandra's and no error.
answered() {
  [[ $http == 200 && $body =~ \"status\":200[,\}] ]]
}

# look_up NAME: put the word that stands under NAME in the last answer into found, "" if there is none.
look_up() {
  found=
  if [[ $body =~ \"$1\":\"?([A-Za-z_]+)[\",\}] ]]; then
    found=${BASH_REMATCH[1]}
  fi
}

# fail WORDS: say why, and fail.
fail() {
  printf '%s\n' "$*"
  exit 1
}

# fail_unanswered [WORDS]: say why the last answer carries no value, after WORDS, and fail.
fail_unanswered() {
  case $http in
    200) fail "${1-}Cassandra is not up yet" ;;
    401 | 403) fail "${1-}Jolokia does not accept the credentials of this pod (HTTP $http)" ;;
    *) fail "${1-}Jolokia gives no answer (HTTP $http)" ;;
  esac
}
