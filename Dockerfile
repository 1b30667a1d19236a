# The one image: the operator, and the init containers `config-builder` and `bootstrap` of Cassandra pods.
#
#   make image        fetches the agents and checks their sums, then: docker build -t casskop:dev .
#
# Both base images need the same Python, 3.11 or later, and the first one its venv module with pip.
# Name them by digest to build the same image twice.
ARG BUILD_IMAGE=python:3.11-slim
ARG RUNTIME_IMAGE=python:3.11-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
RUN python3 -m venv /opt/casskop/venv
COPY requirements.txt ./
# Wheels only: nothing is compiled, and every file has the hash that the lock file names. The build back end
# (setuptools) is among them, so that the next step fetches nothing either.
RUN /opt/casskop/venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY controller controller
# Byte code by hash, not by time of change: no copy of the files can outdate it, and none is written later.
RUN /opt/casskop/venv/bin/pip install --no-cache-dir --no-deps --no-index --no-build-isolation . \
 && /opt/casskop/venv/bin/pip uninstall --yes --quiet setuptools pip \
 && find /opt/casskop -name __pycache__ -prune -exec rm -rf {} + \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/casskop/venv/lib

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="casskop" \
      org.opencontainers.image.description="A Kubernetes operator for Apache Cassandra" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/casskop /opt/casskop
COPY build/agents/*.jar /opt/casskop/agents/
# The environment is made to use this image's Python, which may be elsewhere than that of the first one.
# The agents are read by whatever user a Cassandra pod runs as.
RUN rm -f /opt/casskop/venv/bin/python* \
 && python3 -m venv --upgrade --without-pip /opt/casskop/venv \
 && chmod 0755 /opt/casskop/agents && chmod 0644 /opt/casskop/agents/*.jar \
 && /opt/casskop/venv/bin/casskop version
# Nothing is written at run time: the root file system may be read-only. Dozens of threads that mostly wait
# need no more than two heaps; with one for each, what they once used stays with them.
ENV PATH=/opt/casskop/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2
USER 1000:1000
ENTRYPOINT ["casskop"]
