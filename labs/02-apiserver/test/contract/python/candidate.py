# A candidate of the leader election that python3-kubernetes brings. Prints a line when it leads, and ends when it no longer does.
import sys

from kubernetes import config
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock

kubeconfig, name = sys.argv[1:]
config.load_kube_config(config_file=kubeconfig)


def leads():
    print("leads", name, flush=True)


lock = ConfigMapLock("election", "default", name)
election = electionconfig.Config(
    lock, lease_duration=10, renew_deadline=8, retry_period=1, onstarted_leading=leads, onstopped_leading=None
)
leaderelection.LeaderElection(election).run()
