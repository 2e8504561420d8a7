# What a Python program does with Debian's python3-kubernetes: make, read, list, watch, patch, scale and delete. Prints one JSON object.
import json
import sys

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException

config.load_kube_config(config_file=sys.argv[1])
core, apps = client.CoreV1Api(), client.AppsV1Api()
namespace, seen = "default", {}

body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="settings"), data={"a": "1"})
seen["created"] = core.create_namespaced_config_map(namespace, body).data
patch = {"data": {"b": "2"}, "metadata": {"labels": {"x": "y"}}}
core.patch_namespaced_config_map("settings", namespace, patch)
selected = core.list_namespaced_config_map(namespace, label_selector="x=y").items
seen["selected"] = [one.metadata.name for one in selected]
current = core.read_namespaced_config_map("settings", namespace)
seen["patched"] = current.data

try:
    core.create_namespaced_config_map(namespace, body)
except ApiException as error:
    seen["again"] = [error.status, json.loads(error.body)["reason"]]

# A watch from a known version: every change after it, in order, until the object is gone.
events, stream = [], watch.Watch()
core.patch_namespaced_config_map("settings", namespace, {"data": {"a": "3"}})
core.delete_namespaced_config_map("settings", namespace)
start = {"resource_version": current.metadata.resource_version, "timeout_seconds": 60}
for event in stream.stream(core.list_namespaced_config_map, namespace, **start):
    if event["object"].metadata.name != "settings":
        continue
    events.append([event["type"], event["object"].data["a"]])
    if event["type"] == "DELETED":
        stream.stop()
seen["events"] = events

deployment = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]},
        },
    },
}
utils.create_from_dict(client.ApiClient(), deployment)
apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 3}})
seen["replicas"] = apps.read_namespaced_deployment("web", namespace).spec.replicas

# The dynamic client finds kinds by discovery alone.
objects = dynamic.DynamicClient(client.ApiClient())
jobs = objects.resources.get(api_version="batch/v1", kind="Job")
template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}}
jobs.create(namespace=namespace, body={"metadata": {"name": "once"}, "spec": {"template": template}})
seen["job"] = jobs.get(name="once", namespace=namespace).spec.completions
apps.delete_namespaced_deployment("web", namespace, propagation_policy="Background")
seen["left"] = [one.metadata.name for one in apps.list_namespaced_deployment(namespace).items]
seen["version"] = client.VersionApi().get_code().major
print(json.dumps(seen))
