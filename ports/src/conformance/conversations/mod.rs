//! The suite of `ConversationStore`: one file per verb, and one each for surviving and for faults.

pub mod accept;
pub mod claim;
pub mod commit;
pub mod faults;
pub mod load;
pub mod open;
pub mod survival;

/// One test per case of the conversation store's contract. Takes the path of an async function that makes a fresh
/// [`Fixture`](crate::conformance::Fixture).
#[macro_export]
macro_rules! conversation_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (conversations::accept);
            a_first_delivery_is_stored_and_a_second_is_a_duplicate,
            the_same_message_id_on_another_channel_is_another_message,
            of_deliveries_at_once_exactly_one_is_first,
            the_order_of_acceptance_is_the_order_of_calls,
            a_dropped_future_undoes_nothing,
            a_passed_message_leaves_only_its_mark,
            a_refused_message_keeps_its_place_but_not_its_text,
            admission_is_asked_once_with_the_number_waiting,
            a_mark_is_kept_for_a_day,
            sequences_are_gapless_and_independent,
            every_kind_of_entry_comes_back_as_it_was,
            a_session_address_survives,
            an_entry_carries_the_fence_of_its_acceptance,
            accepting_does_not_touch_the_version,
        );
        $crate::__conformance_cases!($fresh; (conversations::claim);
            a_free_partition_is_granted_at_once,
            all_partitions_are_claimed_in_one_step,
            a_held_partition_is_left_out,
            a_renewal_keeps_the_token_and_moves_the_end,
            after_its_end_a_lease_goes_to_a_new_owner_with_a_greater_token,
            a_late_owner_keeps_its_token_when_nobody_came_between,
            a_stale_token_is_fenced_and_writes_nothing,
            a_lease_on_one_partition_is_none_on_another,
            tokens_grow_over_a_restart,
        );
        $crate::__conformance_cases!($fresh; (conversations::open);
            listed_is_what_waits_or_has_replies_to_bring_out,
            a_partition_lists_only_its_own,
            what_was_passed_over_is_not_listed,
            open_pages_in_id_order,
        );
        $crate::__conformance_cases!($fresh; (conversations::load);
            nobody_wrote_to_it_so_there_is_nothing,
            what_was_never_committed_has_version_zero_and_no_state,
            load_goes_on_after_a_sequence,
            more_entries_than_one_load_hands_over_follow_with_the_next,
        );
        $crate::__conformance_cases!($fresh; (conversations::commit);
            a_commit_counts_the_version_and_is_read_back,
            ended_entries_disappear,
            ending_an_ended_entry_leaves_it,
            a_repeated_commit_answers_the_same_and_writes_nothing_twice,
            a_repeated_commit_of_a_fenced_owner_is_fenced,
            a_commit_older_than_the_last_is_a_conflict,
            a_wrong_version_is_a_conflict_and_writes_nothing,
            a_commit_to_a_conversation_that_is_gone_is_a_conflict,
            of_commits_at_once_on_one_version_exactly_one_wins,
            every_snapshot_comes_back_as_it_was,
            what_arrives_between_load_and_commit_stays,
            long_texts_come_back_whole,
        );
        $crate::__conformance_cases!($fresh; (conversations::survival);
            a_death_between_any_two_steps_loses_nothing_and_leaves_nothing_half_done,
            a_mark_survives,
            a_commit_is_recognised_after_a_death,
        );
        $crate::__conformance_cases!($fresh; (conversations::faults);
            a_commit_done_but_unheard_is_repeated_without_harm,
            a_commit_not_done_is_repeated_without_harm,
            an_acceptance_done_but_unheard_is_then_a_duplicate,
            a_claim_done_but_unheard_is_repeated_without_harm,
            a_store_that_is_down_does_nothing_and_works_again_afterwards,
            only_the_nth_call_of_the_verb_fails,
        );
    };
}
