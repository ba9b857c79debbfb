# Two images: `verify` inspects, verifies and times files that are made already (no TensorFlow);
# `all` trains and exports, too.
#
#   docker build --target verify --tag edgezoo:verify .
#   docker run --rm --network none --volume "$PWD:/work:ro" edgezoo:verify verify net.tflite
#
#   docker build --target all --tag edgezoo .
#   docker run --rm --volume "$PWD:/work" edgezoo ship lenet5 --data digits

ARG PYTHON=3.12

# The wheel, built once for both.
FROM python:${PYTHON}-slim AS wheel
WORKDIR /source
COPY requirements/run.txt requirements/run.txt
# The pinned setuptools is among them.
RUN python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements/run.txt
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel .

FROM python:${PYTHON}-slim AS base
ENV PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    ZOO_HOME=/home/zoo/edgezoo
RUN useradd --create-home --uid 1000 zoo \
    && install --directory --owner zoo --group zoo /work /home/zoo/edgezoo
WORKDIR /work
ENTRYPOINT ["zoo"]
CMD ["--help"]

FROM base AS verify
COPY requirements/run.txt /tmp/requirements.txt
RUN python -m pip install --no-deps --require-hashes -r /tmp/requirements.txt
COPY --from=wheel /wheel /tmp/wheel
RUN python -m pip install --no-deps --no-index /tmp/wheel/*.whl \
    && rm -r /tmp/wheel /tmp/requirements.txt
USER 1000

FROM base AS all
COPY requirements/all.txt /tmp/requirements.txt
RUN python -m pip install --no-deps --require-hashes -r /tmp/requirements.txt
COPY --from=wheel /wheel /tmp/wheel
RUN python -m pip install --no-deps --no-index /tmp/wheel/*.whl \
    && rm -r /tmp/wheel /tmp/requirements.txt
USER 1000
