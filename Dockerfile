# One image for servers, workers and commands: what differs is the command, and the environment.

FROM python:3.12-slim AS build
ARG EXTRAS=metrics,redis,s3,tracing
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /venv
COPY pyproject.toml README.md LICENSE requirements.txt requirements-dev.txt ./
COPY caluma_async/__init__.py caluma_async/
# the pinned packages first, in a layer that changes with them only; the project itself is run from its folder
RUN /venv/bin/pip install -r requirements.txt \
    && /venv/bin/pip install -c requirements.txt -c requirements-dev.txt ".[${EXTRAS}]" \
    && /venv/bin/pip uninstall -y caluma-async pip
COPY . /app
RUN cd /app && STATIC_ROOT=/app/static EVENT_RECEIVER_MODULES= /venv/bin/python manage.py collectstatic --noinput \
    && /venv/bin/python -m compileall -q caluma_async receivers

FROM python:3.12-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 ENV=production HOST=0.0.0.0 PORT=8000 STATIC_ROOT=/app/static \
    MEDIA_STORAGE_FOLDER=/data/media
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin caluma \
    && install -d -o caluma /data/media
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app/asgi.py /app/manage.py ./
COPY --from=build /app/caluma_async caluma_async
COPY --from=build /app/receivers receivers
COPY --from=build /app/static static
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 \
    CMD python -c "import http.client, os, sys; \
        probe = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=5); \
        probe.request('GET', '/healthz'); answer = probe.getresponse(); \
        print(answer.read().decode()); sys.exit(answer.status != 200)"
CMD ["python", "manage.py", "serve"]
