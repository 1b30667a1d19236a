#!/bin/bash
# Whether Cassandra is past STARTING. A node that joins counts: a long bootstrap must not be killed.

. "${BASH_SOURCE[0]%/*}/jolokia.sh"

ask "/jolokia/read/$service/OperationMode" 4 || fail "Jolokia does not answer on $POD_IP:$port"
answered || fail_unanswered
look_up value
[[ -n $found && $found != STARTING ]] || fail "OperationMode is ${found:-unreadable}"
