# syntax=docker/dockerfile:1

# nsfix, static, with its licences, and nothing else: no shell, no C library, no CA certificates. The API server's CA
# comes with the service account; whoever pushes metrics to an https:// gateway mounts its CA and names the file in
# SSL_CERT_FILE, rather than trust a list that ages with the image.

ARG RUST_VERSION=1.95.0
# On the machine's own architecture whatever the image's: nothing is emulated.
FROM --platform=$BUILDPLATFORM rust:${RUST_VERSION}-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends clang jq llvm musl-dev \
 && rm -rf /var/lib/apt/lists/*
COPY .ci/tools /usr/local/bin/
RUN tools cargo-auditable
WORKDIR /src
COPY . .
ARG TARGETARCH
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,id=nsfix-$TARGETARCH \
    .ci/static /image "$TARGETARCH" --no-default-features

FROM scratch
# The same as in Cargo.toml. The release workflow adds where it comes from: source, revision, version, created and the
# addresses. There is no base image to name.
LABEL org.opencontainers.image.title="nsfix" \
      org.opencontainers.image.description="Finds Kubernetes namespaces stuck in Terminating, says why, and ends them without leaving damage behind" \
      org.opencontainers.image.licenses="Apache-2.0"
# The binary has the list of its crates in it: the SBOM of the image is made from that, and scanners read it.
COPY --from=build /image /
# By number, so that runAsNonRoot can be checked.
USER 65532:65532
ENTRYPOINT ["/nsfix"]
