#!/bin/bash
# Drain the node before it is stopped: it takes no more requests, and flushes its memtables to disk.
# Bounded, so that a node that cannot drain is stopped all the same.

. "${BASH_SOURCE[0]%/*}/jolokia.sh"

limit=300

ask "/jolokia/read/$service/OperationMode" 4 || fail "not drained: Jolokia does not answer on $POD_IP:$port"
answered || fail_unanswered "not drained: "
look_up value
case $found in
  NORMAL | LEAVING | MOVING | DECOMMISSION_FAILED) ;;
  *)
    printf 'nothing to drain: OperationMode is %s\n' "${found:-unreadable}"
    exit 0
    ;;
esac
ask "/jolokia/exec/$service/drain" "$limit" || fail "not drained within $limit s"
answered || fail "not drained: Jolokia refused it (HTTP $http)"
