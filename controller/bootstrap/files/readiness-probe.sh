#!/bin/bash
# Whether the node serves clients: a full member of its ring, and listening for CQL.

. "${BASH_SOURCE[0]%/*}/jolokia.sh"

ask "/jolokia/read/$service/OperationMode,NativeTransportRunning" 4 ||
  fail "Jolokia does not answer on $POD_IP:$port"
answered || fail_unanswered
look_up OperationMode
[[ $found == NORMAL ]] || fail "OperationMode is ${found:-unreadable}"
look_up NativeTransportRunning
[[ $found == true ]] || fail "the native transport is not running"
