import { OS_ERROR, type FaultRule } from "./rule.ts";

const { EACCES, EBUSY, ENODEV, ENOENT, EPERM } = OS_ERROR;

const WITHOUT_KVM = "--vm-vmm=qemu needs none";

/** At InstanceStart and at the load of a snapshot: nothing of KVM is touched before. */
export const KVM_FAULTS: readonly FaultRule[] = [
  {
    pattern: /Error creating KVM object/,
    osErrors: [ENOENT],
    code: "UNSUPPORTED",
    says: "Firecracker needs KVM, and /dev/kvm does not exist",
    mend: `modprobe kvm_intel or kvm_amd (in a VM its host must allow nested ones); ${WITHOUT_KVM}`,
  },
  {
    pattern: /Error creating KVM object/,
    osErrors: [EPERM, EACCES],
    code: "UNSUPPORTED",
    says: "Firecracker may not open /dev/kvm",
    mend: `give its user read and write access to it (group kvm, or setfacl); ${WITHOUT_KVM}`,
  },
  {
    pattern: /Error creating KVM object/,
    osErrors: [ENODEV],
    code: "UNSUPPORTED",
    says: "Firecracker needs KVM, and this host's CPU has no hardware virtualisation, or the firmware turned it off",
    mend: `turn VT-x or SVM on in the firmware (in a VM: nested virtualisation); ${WITHOUT_KVM}`,
  },
  {
    pattern: /Failed to create VM/,
    osErrors: [EBUSY],
    code: "HOST",
    says: "another hypervisor uses the CPU's hardware virtualisation",
    mend: `end it (VirtualBox, VMware …); ${WITHOUT_KVM}`,
  },
  {
    pattern: /Missing KVM capabilities: (?<capabilities>[\w, ]+)/,
    code: "UNSUPPORTED",
    says: "the host's KVM lacks what Firecracker needs (capabilities {capabilities})",
    mend: `use a host kernel from 5.10 on; ${WITHOUT_KVM}`,
  },
  {
    pattern: /Kvm error:|KvmVm object:|Error creating KVM object/,
    code: "UNSUPPORTED",
    says: "KVM does not work for Firecracker on this host",
    mend: `its own words tell why; ${WITHOUT_KVM}`,
  },
];
