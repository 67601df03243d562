# One image with the one binary; the command chooses the role.
FROM node:20-bookworm-slim AS teachers
WORKDIR /src
COPY tools/fetch-teachers tools/fetch-teachers
RUN KART_TEACHERS=/teachers tools/fetch-teachers

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin kart

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends bash ca-certificates ffmpeg \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home kart && mkdir -p /srv/data /srv/seal \
    && chown kart /srv/data /srv/seal
COPY --from=teachers /teachers /usr/share/kart/teachers
COPY --from=build /src/target/release/kart /usr/local/bin/kart
ENV KART_TEACHERS=/usr/share/kart/teachers KART_DATA=/srv/data
WORKDIR /srv
USER kart
ENTRYPOINT ["kart"]
CMD ["--help"]
