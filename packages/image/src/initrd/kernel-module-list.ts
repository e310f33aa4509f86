/**
 * Without these no image starts: the root's own file system and its verification, overlays, and state, which
 * systemd-repart makes through a loop device.
 */
export const REQUIRED_MODULES: readonly string[] = ['squashfs', 'overlay', 'dm_verity', 'ext4', 'loop'];

/**
 * Modules by name, where a kernel has them: what a root may be stored on, and what is needed to find it. Aliases
 * (`crypto-...`) stand for every implementation: which one fits the processor shows at boot only.
 */
export const WANTED_MODULES: readonly string[] = [
  // File systems of the root, of live mediums, of state and of the ESP
  'squashfs overlay erofs isofs udf ext4 vfat nls_ascii nls_cp437 nls_iso8859_1 nls_utf8 efivarfs autofs4',
  // Device mapper, loop, ciphers
  'loop dm_mod dm_verity dm_crypt dm_integrity crypto-sha256 crypto-crc32c crypto-xxhash64 crypto-aes crypto-xts',
  'crypto-cbc crypto-hmac aesni_intel sha256_ssse3 aes_ce_blk sha2_ce sha256_arm64 crc32c_intel crct10dif_ce',
  // Virtual machines
  'virtio_pci virtio_mmio virtio_blk virtio_scsi virtio_console virtio_rng qemu_fw_cfg hv_vmbus hv_storvsc hv_utils',
  'pci_hyperv vmw_pvscsi xen_blkfront xen_scsifront mptspi mptsas',
  // Disks and their controllers
  'nvme nvme_tcp ahci ahci_platform ata_piix ata_generic pata_acpi sata_nv sata_sil sata_sil24 sata_via sata_mv',
  'sd_mod sr_mod cdrom vmd megaraid_sas mpt3sas hpsa smartpqi aacraid arcmsr mvsas isci pm80xx scsi_transport_sas',
  'ufshcd_pci ufshcd_pltfrm',
  // USB and cards
  'usb_storage uas xhci_pci xhci_hcd xhci_plat_hcd ehci_pci ehci_platform ohci_pci uhci_hcd dwc2 dwc3 phy_generic',
  'mmc_block sdhci_pci sdhci_acpi sdhci_iproc sdhci_brcmstb sdhci_of_arasan sdhci_esdhc_imx sdhci_tegra sdhci_msm',
  'dw_mmc_rockchip meson_gx_mmc sunxi_mmc bcm2835 bcm2835_sdhost pcie_brcmstb clk_raspberrypi reset_raspberrypi',
  // A keyboard, so that a person at the console is heard by the time the image asks
  'usbhid hid_generic atkbd i8042',
  // What restarts a machine that hangs
  'softdog i6300esb iTCO_wdt wdat_wdt sp5100_tco sbsa_gwdt bcm2835_wdt',
  // TPM and firmware
  'tpm_tis tpm_crb tpm_tis_spi tpm_tis_i2c tpm_ftpm_tee efi_pstore dmi_sysfs',
].flatMap((line) => line.split(' '));
