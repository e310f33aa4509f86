import type { Datasource } from './datasource.ts';
import { fieldAt, linesAt, textAt } from './json-fields.ts';
import { askBytes, askJson } from './metadata-http.ts';

/** Vultr. */
export const vultr: Datasource = {
  name: 'vultr',
  isHere: (dmi) => dmi.sys_vendor === 'Vultr',
  async fetch(context) {
    const base = context.endpoints.vultr;
    const document = await askJson(context, `${base}/v1.json`);
    if (document === undefined) return undefined;
    const own = textAt(document, 'user-data');
    return {
      userdata: own === undefined ? await askBytes(context, `${base}/latest/user-data`) : Buffer.from(own),
      metadata: {
        instanceId: textAt(document, 'instance-v2-id') ?? textAt(document, 'instanceid'),
        hostname: textAt(document, 'hostname'),
        sshKeys: linesAt(fieldAt(document, 'public-keys')),
      },
    };
  },
};
