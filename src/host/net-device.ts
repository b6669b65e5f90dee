/** A network device of the host, by where it is: paths and names are those of this process. */
export interface NetDevice {
  /** Path of the network namespace, such as /proc/PID/ns/net. */
  netns: string;
  /** Its name there. */
  name: string;
}
