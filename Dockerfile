# The gateway, with a Redis server that it runs if REDIS_URL is empty:
#   docker build -t redis-streamer .
#   docker run --init -p 127.0.0.1:8000:8000 -v streams:/data redis-streamer

# Not the slim variant: on ARM, bufferutil has no binary and must be compiled.
FROM node:22-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY client client
COPY cli cli
COPY console console
COPY scripts/build.js scripts/bundle.js scripts/
RUN node scripts/build.js
# Only the sample client uses sharp.
RUN npm prune --omit=dev --ignore-scripts \
 && npm rebuild bufferutil \
 && rm -rf node_modules/sharp node_modules/@img

FROM node:22-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends redis-server libjemalloc2 \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -m 700 /data \
 && chown node:node /data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY scripts/start.js scripts/build.js scripts/provision.js scripts/apt-install.sh scripts/check-health.js scripts/
# For `docker exec … redis-streamer keys add …`.
RUN chmod +x dist/bin/redis-streamer.js && ln -s /app/dist/bin/redis-streamer.js /usr/local/bin/redis-streamer
# glibc keeps freed memory of large messages; jemalloc returns it (docs/operating.md, "Memory").
ENV LD_PRELOAD=libjemalloc.so.2 MALLOC_CONF=dirty_decay_ms:500,muzzy_decay_ms:0,narenas:1
# Keys and recordings are on the volume: the user cannot write elsewhere, and other files are lost with the container.
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data AUTH_KEYS_FILE=/data/keys.json RECORDINGS_DIR=/data/recordings
USER node
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "scripts/check-health.js"]
# No shell, so that the program receives signals. Arguments after the image's name are flags of the program.
ENTRYPOINT ["node", "dist/bin/main.js"]
