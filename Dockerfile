# The mock as an image: slim, without root, and it needs to write nothing (`docker run --read-only`).
#   docker build -t flowise-mock . && docker run --rm -p 3000:3000 flowise-mock
# Options of `flowise-mock serve` go to the end of `docker run`; FLOWISE_MOCK_* set them as well.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ARG EXTRAS=files
COPY . /source
RUN python3 -m venv /opt/flowise-mock \
 && /opt/flowise-mock/bin/python -m pip install --no-cache-dir --no-compile --disable-pip-version-check \
    --constraint /source/requirements.txt "/source[${EXTRAS}]" \
 && /opt/flowise-mock/bin/python -m pip uninstall --yes --quiet --disable-pip-version-check pip \
 && /opt/flowise-mock/bin/python -m compileall -q /opt/flowise-mock/lib

FROM ${BASE}
COPY --from=build /opt/flowise-mock /opt/flowise-mock
COPY --chmod=755 deploy/entrypoint.sh /usr/local/bin/entrypoint.sh
ENV PATH=/opt/flowise-mock/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    FLOWISE_MOCK_HOST=0.0.0.0 FLOWISE_MOCK_PORT=3000
WORKDIR /mock
USER 65534:65534
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python3", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"FLOWISE_MOCK_PORT\"]}/__mock__/ready', timeout=2)"]
ENTRYPOINT ["entrypoint.sh"]
CMD []
