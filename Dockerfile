# One image for the jobs of a Galaxy server, a server of your own, and Heroku.
#
#     docker build --tag starcyte .
#     docker run --rm --publish 8000:8000 starcyte
#
# BASE is any Debian with Python 3.11 or later, 12 (bookworm) being the oldest.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils ca-certificates python3 python3-venv
RUN python3 -m venv /opt/starcyte
COPY . /source
# node, which builds the page, is installed from PyPI for the build only.
RUN /opt/starcyte/bin/pip install --no-cache-dir "/source[filters,s3]" \
    && /opt/starcyte/bin/pip uninstall --yes pip setuptools
# These contain 200 MB of debugging symbols.
RUN find /opt/starcyte -path '*/hdf5plugin/*.so' -o -path '*/zstandard/*.so' \
    | xargs strip --strip-debug

FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/starcyte /opt/starcyte
ENV PATH=/opt/starcyte/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/tmp
WORKDIR /data
EXPOSE 8000
# No ENTRYPOINT: Galaxy starts a job by a command of its own.
# No USER: Galaxy sets its own, and if it leaves that to the image, only root can write to the job's folder. Elsewhere, run it
# as any user: `docker run --user 10001:10001`. The user needs no entry in /etc/passwd; only the configured folders and /tmp
# are written to.
# The printed address contains the token that gives access.
CMD ["starcyte", "launch", "--demo", "--host=0.0.0.0", "--port=8000", "--access=token"]
