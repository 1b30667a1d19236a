#!/bin/bash
# Whether the process lives. Joining, leaving, drained, even refused credentials: all of these are alive, and
# a restart would help none of them. Only silence is not.

. "${BASH_SOURCE[0]%/*}/jolokia.sh"

ask "/jolokia/read/$service/OperationMode" 4 || fail "Jolokia does not answer on $POD_IP:$port"
