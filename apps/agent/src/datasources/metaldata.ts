import type { Datasource } from './datasource.ts';
import { linesAt } from './json-fields.ts';
import { askBytes, askText } from './metadata-http.ts';

/** The metadata service `metaldata` of bare-metal fleets, found by name. No firmware names it: list it alone. */
export const metaldata: Datasource = {
  name: 'metaldata',
  isHere: () => false,
  async fetch(context) {
    const base = `${context.endpoints.metaldata}/get`;
    const hostname = await askText(context, `${base}/meta/hostname`);
    if (hostname === undefined) return undefined;
    return {
      userdata: await askBytes(context, `${base}/user`),
      metadata: {
        hostname,
        instanceId: await askText(context, `${base}/meta/machine-id`),
        sshKeys: linesAt(await askText(context, `${base}/meta/authorized-keys`)),
      },
    };
  },
};
