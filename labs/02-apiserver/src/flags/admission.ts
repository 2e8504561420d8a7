// Admission flags: which admission plugins run, and what they are told.
//
// Same names upstream: kubeapiserver/options/admission.go and plugin/pkg/admission/defaulttolerationseconds. The flags for service
// accounts are ours: upstream always does what they switch on.

import { enabledPlugins, PLUGIN_ORDER } from '../admission/plugins.ts';
import type { FlagGroup } from './flag-group.ts';
import { booleanOf, defined, listOf, numberOf } from './values.ts';

export const admissionFlags: FlagGroup = {
  title: 'Admission flags:',
  add(command) {
    const byDefault = enabledPlugins({}).join(', ');
    command
      .option(
        '--enable-admission-plugins <names>',
        `plugins to run besides those that run by default (${byDefault}); the order of names does not matter. Known names: ${PLUGIN_ORDER.join(', ')}`,
      )
      .option('--disable-admission-plugins <names>', 'plugins not to run, also of the default ones')
      .option(
        '--default-not-ready-toleration-seconds <seconds>',
        'how long pods stay on a node that is not ready',
        '300',
      )
      .option(
        '--default-unreachable-toleration-seconds <seconds>',
        'how long pods stay on a node that is not reachable',
        '300',
      )
      .option(
        '--require-service-accounts [true|false]',
        'refuse pods whose service account does not exist; needs a controller that makes the account `default` of each namespace',
      )
      .option(
        '--mount-service-account-tokens [true|false]',
        'give pods the token of their service account; needs kubelets that project tokens, and the config map kube-root-ca.crt in each namespace',
      );
  },
  options(flags) {
    const admission = defined({
      enable: listOf(flags, '--enable-admission-plugins'),
      disable: listOf(flags, '--disable-admission-plugins'),
      defaultNotReadyTolerationSeconds: numberOf(flags, '--default-not-ready-toleration-seconds'),
      defaultUnreachableTolerationSeconds: numberOf(
        flags,
        '--default-unreachable-toleration-seconds',
      ),
    });
    const serviceAccounts = defined({
      required: booleanOf(flags, '--require-service-accounts'),
      mountTokens: booleanOf(flags, '--mount-service-account-tokens'),
    });
    // Names that are wrong are an error of the command line, before anything is opened.
    enabledPlugins(admission);
    return { admission: { ...admission, serviceAccounts } };
  },
};
