# The checks of `make lint` in a container: `docker buildx bake lint`.
# The optional secret `ca-certificates` is the CA bundle of a network that intercepts TLS.
FROM debian:trixie@sha256:f324c7ff54321e8d9c588493a20244965938ce0aa50bbd1022d38010e9ffc4b1 AS distribution

FROM distribution
RUN apt-get update --error-on=any && apt-get install -y --no-install-recommends make python3-venv shellcheck
WORKDIR /src
COPY requirements/dev.txt requirements/
RUN --mount=type=secret,id=ca-certificates <<END
    set -eu
    if [ -s /run/secrets/ca-certificates ]; then export PIP_CERT=/run/secrets/ca-certificates; fi
    python3 -m venv .venv
    .venv/bin/pip install --quiet --require-hashes --no-cache-dir --requirement=requirements/dev.txt
END
COPY . .
# Skip `setup`: the lines above install its part for lint, and the rest is for tests.
RUN make --assume-old=setup lint
