# docker build -t mlp-microscope . && docker run --rm --read-only --tmpfs /tmp -v mlp-downloads:/cache -p 8501:8501 mlp-microscope
FROM python:3.13-slim

# PYTHONDONTWRITEBYTECODE: the bytecode is made below, and at run time the file system may be read-only.
# OPENBLAS_NUM_THREADS: small batches are faster so, and several people's runs share the machine fairly.
# MLP_MICROSCOPE_CACHE: Fashion-MNIST and KMNIST are kept here, the one folder that the app writes to. MNIST is inside.
# PYTHONUNBUFFERED: the log shows a line when it is written.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OPENBLAS_NUM_THREADS=1 \
    MLP_MICROSCOPE_CACHE=/cache

RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin app \
    && install -d -o app -g app /cache

WORKDIR /app

# The packages change seldom: a layer of their own, which a change of the code leaves in the build cache.
COPY requirements.txt .
RUN pip install --no-cache-dir --root-user-action=ignore -r requirements.txt

# The code belongs to root: the app can read it and not change it.
COPY . .
RUN python -m compileall -q .

USER 10001:10001
VOLUME /cache
EXPOSE 8501

# The server answers 200 with a page to every unknown path, so the body is read. The slim image has no curl.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen as get; assert get('http://127.0.0.1:8501/_stcore/health', timeout=4).read() == b'ok'"]

# One process: sessions and their training threads live in it. More people than one machine can serve need replicas
# behind a proxy with sticky sessions.
CMD ["streamlit", "run", "app.py", "--server.port=8501", "--server.address=0.0.0.0"]
