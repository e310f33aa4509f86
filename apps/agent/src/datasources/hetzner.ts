import type { Datasource } from './datasource.ts';
import { linesAt } from './json-fields.ts';
import { askBytes, askJson, askText } from './metadata-http.ts';

/** Hetzner Cloud. */
export const hetzner: Datasource = {
  name: 'hetzner',
  isHere: (dmi) => dmi.sys_vendor === 'Hetzner',
  async fetch(context) {
    const base = `${context.endpoints.hetzner}/hetzner/v1`;
    const instanceId = await askText(context, `${base}/metadata/instance-id`);
    if (instanceId === undefined) return undefined;
    return {
      userdata: await askBytes(context, `${base}/userdata`),
      metadata: {
        instanceId,
        hostname: await askText(context, `${base}/metadata/hostname`),
        sshKeys: linesAt(await askJson(context, `${base}/metadata/public-keys`)),
      },
    };
  },
};
