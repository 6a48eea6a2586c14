FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY client/package.json ./client/
COPY console/package.json ./console/
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY channels ./channels
COPY client ./client
COPY console ./console
COPY crypto ./crypto
COPY deploy ./deploy
COPY examples ./examples
COPY gateways ./gateways
COPY platform ./platform
COPY presence ./presence
COPY server ./server
RUN npm run build
# With the development packages goes the Node.js that npm brings for other machines (deploy/node22).
RUN npm prune --omit=dev --no-audit --no-fund
# The server does not need the client library.
RUN rm -r node_modules/aerie-client node_modules/phoenix node_modules/tweetnacl
# The package has a binary for every platform; one is needed here.
RUN find node_modules/uWebSockets.js -name 'uws_*.node' ! -name "$(node -p '`uws_${process.platform}_${process.arch}_${process.versions.modules}.node`')" -delete

FROM node:22-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 DATA_DIR=/data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# For the embedded store only; with REDIS_URL nothing is written.
RUN install -d -o node -g node /data
VOLUME /data
USER node
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "dist/deploy/health.js"]
CMD ["node", "--max-semi-space-size=8", "dist/platform/main.js"]
