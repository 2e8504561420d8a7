# The base of the node image where a registry answers; without one, src/base-image.ts makes the same from
# Debian's packages.
FROM debian:bookworm-slim
COPY packages.txt /tmp/packages.txt
RUN apt-get update \
 && xargs apt-get install -y --no-install-recommends < /tmp/packages.txt \
 && rm -rf /var/lib/apt/lists/* /tmp/packages.txt
