# Node, pause container, toolbox and demo application in one: see src/image-names.ts.
FROM kube-labs/base:bookworm
COPY node /usr/local/bin/node
COPY demo /opt/kube-labs/demo
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
CMD ["sleep", "infinity"]
