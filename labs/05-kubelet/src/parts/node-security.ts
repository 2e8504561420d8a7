// NodeSecurity: what this machine and its kubelet's flags make of pods' security contexts, read once at the start.

import { readFile } from 'node:fs/promises';
import { missingCapabilities } from '../container/capabilities.ts';
import { securityFeatures, sysctlAllowlist } from '../container/pod-admission.ts';
import type { NodeSecurity } from '../container/security.ts';
import type { PodOptions } from '../flags/pod-flags.ts';
import type { AdmitHandler } from '../pod/admission.ts';

const APP_ARMOR = '/sys/module/apparmor/parameters/enabled';

export async function makeNodeSecurity(
  options: PodOptions,
): Promise<{ security: NodeSecurity; securityAdmission: readonly AdmitHandler[] }> {
  const { seccompDefault, seccompProfileRoot, allowedUnsafeSysctls } = options;
  const missing = missingCapabilities(await readFile('/proc/1/status', 'utf8'));
  const appArmor = (await readFile(APP_ARMOR, 'utf8').catch(() => '')).startsWith('Y');
  return {
    security: { seccompDefault, seccompProfileRoot, missingCapabilities: missing },
    securityAdmission: [sysctlAllowlist(allowedUnsafeSysctls), securityFeatures({ appArmor })],
  };
}
