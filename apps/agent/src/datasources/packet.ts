import type { Datasource } from './datasource.ts';
import { fieldAt, linesAt, textAt } from './json-fields.ts';
import { askBytes, askJson } from './metadata-http.ts';

/** Equinix Metal, formerly Packet. Its machines are bare metal whose firmware rarely names it: list it alone. */
export const packet: Datasource = {
  name: 'packet',
  isHere: (dmi) => /packet|equinix/i.test(dmi.sys_vendor),
  async fetch(context) {
    const document = await askJson(context, `${context.endpoints.packet}/metadata`);
    if (document === undefined) return undefined;
    return {
      userdata: await askBytes(context, `${context.endpoints.packet}/userdata`),
      metadata: {
        instanceId: textAt(document, 'id'),
        hostname: textAt(document, 'hostname'),
        sshKeys: linesAt(fieldAt(document, 'ssh_keys')),
      },
    };
  },
};
