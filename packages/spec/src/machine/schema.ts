import * as z from 'zod';
import { cloudInitKeys } from './keys/cloud-init.ts';
import { generalKeys } from './keys/general.ts';
import { bundles, grubOptions } from './keys/image.ts';
import { install } from './keys/install.ts';
import { kubernetesKeys } from './keys/kubernetes.ts';
import { reset, upgrade } from './keys/lifecycle.ts';
import { kcrypt, p2p, phonehome } from './keys/network.ts';
import { Step } from './step.ts';

/** Every key of a cloud-config, closed. Documents are read with good will (readLenient); this says what is right. */
export const MachineConfig = z
  .strictObject({
    ...cloudInitKeys,
    stages: z
      .record(z.string(), z.array(Step))
      .optional()
      .meta({
        description: 'Steps by stage. Running a stage runs NAME.before, NAME and NAME.after.',
        examples: [{ boot: [{ name: 'Greet', commands: ['echo hello'] }] }],
      }),
    install,
    upgrade,
    reset,
    grub_options: grubOptions('Variables of the boot loader, set at the first boot.'),
    bundles: bundles('Bundles to apply at the first boot.'),
    kcrypt,
    phonehome,
    ...kubernetesKeys,
    p2p,
    ...generalKeys,
  })
  .meta({ description: 'The configuration of one machine.' });
export type MachineConfig = z.infer<typeof MachineConfig>;
