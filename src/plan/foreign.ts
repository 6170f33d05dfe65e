/** Another instance's live fault on a container, as its marks tell. */
export interface ForeignFault {
  containerId: string;
  instance: string;
  experiment: string;
}
