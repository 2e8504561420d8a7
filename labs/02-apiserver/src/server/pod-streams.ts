// pod-streams: the subresources of a pod that take a connection over: exec, attach and portforward.
//
// Without an upgrade they mean nothing, but what is wrong with the pod is said first, as upstream does.
//
// Same idea upstream: registry/core/pod/rest/subresources.go (AttachREST, ExecREST, PortForwardREST).

import { badRequest } from '../api-error.ts';
import { admitConnect } from './connect-admission.ts';
import type { ConnectHandler, StoredHandler } from './handler.ts';

/** Upgrades of exec and attach. */
export const connectCommand: ConnectHandler = async (context, upgrade, env) => {
  await admitConnect(context, env);
  await env.kubelets.command(context, upgrade);
};

export const connectPortForward: ConnectHandler = async (context, upgrade, env) => {
  await admitConnect(context, env);
  await env.kubelets.portForward(context, upgrade);
};

export const upgradeRequired: StoredHandler = async (context, env) => {
  await admitConnect(context, env);
  await env.kubelets.check(context);
  throw badRequest('Upgrade request required');
};
