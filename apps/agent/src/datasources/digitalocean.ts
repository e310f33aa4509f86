import type { Datasource } from './datasource.ts';
import { fieldAt, linesAt, textAt } from './json-fields.ts';
import { askJson } from './metadata-http.ts';

/** DigitalOcean. */
export const digitalocean: Datasource = {
  name: 'digitalocean',
  isHere: (dmi) => dmi.sys_vendor === 'DigitalOcean',
  async fetch(context) {
    const document = await askJson(context, `${context.endpoints.digitalocean}/metadata/v1.json`);
    if (document === undefined) return undefined;
    const userdata = textAt(document, 'user_data');
    return {
      userdata: userdata === undefined ? undefined : Buffer.from(userdata),
      metadata: {
        instanceId: textAt(document, 'droplet_id'),
        hostname: textAt(document, 'hostname'),
        sshKeys: linesAt(fieldAt(document, 'public_keys')),
      },
    };
  },
};
