import type { Datasource } from './datasource.ts';
import { fieldAt, linesAt, textAt } from './json-fields.ts';
import { askFromLowPort } from './low-port.ts';
import { askJson } from './metadata-http.ts';

/** Scaleway. Its user data is given only to programs of root, which it knows by a source port below 1024. */
export const scaleway: Datasource = {
  name: 'scaleway',
  isHere: (dmi) => dmi.sys_vendor === 'Scaleway',
  async fetch(context) {
    const base = context.endpoints.scaleway;
    const document = await askJson(context, `${base}/conf?format=json`);
    if (document === undefined) return undefined;
    return {
      userdata: await askFromLowPort(`${base}/user_data/cloud-init`, context.signal),
      metadata: {
        instanceId: textAt(document, 'id'),
        hostname: textAt(document, 'hostname'),
        sshKeys: linesAt(fieldAt(document, 'ssh_public_keys'), 'key'),
      },
    };
  },
};
