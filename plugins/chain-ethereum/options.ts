/** Options of the rules `ethereum`. */
export interface EthereumOptions {
  /**
   * Types of transactions, as numbers, that are passed though these rules can't compute what the header's root is made of:
   * those of L2s. Then no block's transactions are proved.
   *
   * @defaultValue none: a block with a type other than 0 to 4 is refused.
   */
  readonly unprovedTransactionTypes?: readonly number[];
}
