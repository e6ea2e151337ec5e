FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 COMMANDCENTER_DATA=/data WEB_HOST=0.0.0.0
WORKDIR /srv/commandcenter
COPY requirements.lock ./
RUN pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock
COPY . .
RUN useradd --create-home --uid 10001 commandcenter && mkdir -p /data && chown commandcenter /data
USER commandcenter
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --start-period=30s CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=5)"
# Run from the source tree: nothing to build, nothing to fetch.
ENTRYPOINT ["python", "-m", "app"]
CMD ["run"]
