"""Refusals of the ledger's proofs and of its witness."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class NothingSealed(TierError):
    """Wait a moment; a node without an identity makes no checkpoints."""

    reason = "NOTHING_SEALED"
    en = "node {node} has no checkpoint of its ledger yet; wait a moment"
    zh = "节点 {node} 的台账尚无检查点，请稍后再试"


class SubjectNotSealed(TierError):
    """Check the id; of a new one, wait a moment."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SUBJECT_NOT_SEALED"
    en = "no fact about {subject} is sealed here; check the id, or wait a moment"
    zh = "台账中没有关于 {subject} 的已封存记录；请核对编号，或稍后再试"


class WitnessWithoutSeal(TierError):
    """Give this node an identity with a seal, then send it again."""

    reason = "WITNESS_WITHOUT_SEAL"
    en = "node {node} has no seal to cosign with; give it an identity"
    zh = "节点 {node} 没有印章，无法副署；请先配置身份"


class CheckpointUnreadable(TierError):
    """Correct the note, then send it again."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "CHECKPOINT_UNREADABLE"
    en = "the note is no checkpoint: {problem}"
    zh = "该文本不是有效的检查点：{problem}"


class SealNotOfChild(TierError):
    """Look who speaks: only a child's own seal is witnessed, and only for the child."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "SEAL_NOT_OF_CHILD"
    en = "the note is not under the seal of a child of this node: {problem}"
    zh = "该检查点不是由本节点的下级节点所封：{problem}"


class SealBroken(TierError):
    """Sign again with the key of the certificate."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "SEAL_BROKEN"
    en = "the note is not what {child} signed: {problem}"
    zh = "该检查点并非 {child} 所签：{problem}"


class OriginForeign(TierError):
    """Look who speaks: a node seals its own ledger and no other."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "ORIGIN_FOREIGN"
    en = "the note is about {origin}, but {child} signs for {expected} only"
    zh = "该检查点属于 {origin}，而 {child} 只能为 {expected} 签署"


class CheckpointUntimely(TierError):
    """Set the clocks, then send it again."""

    reason = "CHECKPOINT_UNTIMELY"
    en = "the checkpoint of {child} says {seconds} s more than the witness's clock; set it"
    zh = "{child} 的检查点时间比见证节点快 {seconds} 秒，请校准时钟"


class WitnessedSizeDiffers(TierError):
    """Prove from the size named, then send it again."""

    code = grpc.StatusCode.ABORTED
    reason = "WITNESSED_SIZE_DIFFERS"
    en = "the last checkpoint of {child} that was witnessed has size {size}; prove from there"
    zh = "{child} 上一次被见证的检查点大小为 {size}，请从该处给出证明"


class LifeOver(TierError):
    """Look which of two copies of the node is the real one, and stop the other."""

    reason = "LIFE_OVER"
    en = "{child} speaks of life {life} of its ledger, but declared life {latest}"
    zh = "{child} 提交的是台账第 {life} 期，但已声明第 {latest} 期"


class LifeUndeclared(TierError):
    """Declare the new life at the child with `ducha ledger new-life`."""

    reason = "LIFE_UNDECLARED"
    en = "{child} begins life {life} of its ledger without the declaration of it"
    zh = "{child} 开始了台账第 {life} 期，但未附声明"


class LedgerRolledBack(TierError):
    """Find out who took facts away; declare a new life only after a restore."""

    reason = "LEDGER_ROLLED_BACK"
    en = "the ledger of {child} has {size} facts, but {witnessed} were witnessed"
    zh = "{child} 的台账只有 {size} 条，但已见证 {witnessed} 条：台账被回退"


class LedgerSplit(TierError):
    """Find out who keeps two ledgers; declare a new life only after a restore."""

    reason = "LEDGER_SPLIT"
    en = "the ledger of {child} with {size} facts is not the one that was witnessed"
    zh = "{child} 的台账（{size} 条）与已见证的不一致：存在两份台账"


class LedgerRewritten(TierError):
    """Find out who changed facts; declare a new life only after a restore."""

    reason = "LEDGER_REWRITTEN"
    en = "nothing shows that the ledger of {child} only grew since {size} facts: {problem}"
    zh = "无法证明 {child} 的台账自 {size} 条以来只增不改：{problem}"
