# millrace in an image of its own: one static file, certificates, two empty folders, no shell and no root.
# docker-compose.yml builds it; so does `docker build -t millrace --build-arg VERSION="$(git describe --tags --always)" .`
ARG GO_VERSION=1.26
FROM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w -X millrace/internal/cli.release=${VERSION}" -o /out/millrace ./cmd/millrace \
 && mkdir -p /out/corpus /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/millrace /millrace
# A named volume takes its owner from the folder that it is mounted on.
COPY --from=build --chown=65532:65532 /out/corpus /corpus
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
ENTRYPOINT ["/millrace"]
