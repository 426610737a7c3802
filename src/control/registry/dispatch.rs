//! Which rule carries out which command.
//!
//! What it must not know: HTTP, SQL.

use super::command::{
    Answer, Clash, Command, EventFilter, Fault, Idempotency, ListPage, NewToken, NoticeFilter, NoticeView,
    ProbeView, SortBy, StatusView, TokenEdit, TokenFilter,
};
use super::events::Event;
use super::row::Stop;
use super::token_query::{Only, Question};
use super::token_row::TokenRow;
use super::transaction::Transaction;
use super::{admin_keys, events, expiries, licence_row, notices, status, token_query};
use crate::base::database::Database;
use crate::formats::fingerprint::Sought;
use crate::formats::token::Serial;

impl<D: Database> Transaction<'_, D> {
    /// Carries out `command`. Creates, and rotations of one token, recognise a retry themselves.
    pub(super) fn apply(
        &mut self,
        command: Command,
        idempotency: Option<&Idempotency>,
    ) -> Result<Answer, Stop> {
        match command {
            Command::ActivateSigningKey(key_id) => Ok(Answer::SigningKey(self.activate_signing_key(key_id)?)),
            Command::Authenticate => Ok(Answer::Authenticated),
            Command::BeginProbe(serial) => self.begin_probe(serial).map(|probe| probed(probe, true)),
            Command::ChangeTokens { bulk, change } => {
                self.change_tokens(&bulk, &change).map(Answer::ChangedInBulk)
            }
            Command::CloseSession => self.close_session().map(|()| Answer::SessionClosed),
            Command::CreateAdminKey(new) => self
                .create_admin_key(&new, idempotency)
                .map(|(key, text)| Answer::AdminKeyCreated { key, text }),
            Command::CreateToken(new) => self.created(new, idempotency),
            Command::DeleteAdminKey(id) => self.delete_admin_key(id).map(|()| Answer::AdminKeyDeleted),
            Command::DisableToken(serial) => self.disable(serial).map(Answer::Receipt),
            Command::EditFamily { family, edit } => {
                self.edit_family(&family, &edit).map(Answer::FamilyEdited)
            }
            Command::EditToken { serial, if_match, edit } => self.edited(serial, if_match, edit),
            Command::EnableToken(serial) => self.enable(serial).map(Answer::Receipt),
            Command::EndToken { serial, at, force } => self.end(serial, at, force).map(Answer::Receipt),
            Command::GetFamily(family) => self.family(&family).map(|family| Answer::Family(Box::new(family))),
            Command::GetFamilyToken(family) => self.family_token(&family),
            Command::GetSession => self.session().map(Answer::Session),
            Command::GetProbe(serial) => self.probe(serial).map(|probe| probed(probe, false)),
            Command::GetToken(serial) | Command::LookupToken(serial) => self.found(serial),
            Command::LookupFingerprint(text) => self.found_by_fingerprint(&text),
            Command::ListAdminKeys => Ok(Answer::AdminKeys(admin_keys::list(self.database)?)),
            Command::ListEvents(filter) => self.list_events(&filter),
            Command::ListNotices(filter) => self.list_notices(&filter),
            Command::ListSigningKeys => Ok(Answer::SigningKeys(self.signing_keys()?)),
            Command::ListTokens(filter) => self.list_tokens(&filter),
            Command::OpenSession => self.session_opened(),
            Command::RetireSigningKey { key_id, force } => {
                Ok(Answer::SigningKeyRetired(self.retire_signing_key(key_id, force)?))
            }
            Command::RevealToken(serial) => self.reveal_token(serial).map(Answer::Revealed),
            Command::RevokeFamily { family, reason, include_protected } => {
                self.revoke_family(&family, reason.as_deref(), include_protected).map(Answer::RevokedInBulk)
            }
            Command::RevokeToken { serial, reason, force } => {
                self.revoke(serial, reason.as_deref(), force).map(Answer::Receipt)
            }
            Command::RevokeTokens { bulk, reason, owner_removed, include_protected } => self
                .revoke_tokens(&bulk, owner_removed, reason.as_deref(), include_protected)
                .map(Answer::RevokedInBulk),
            Command::RotateFamily { family, rotate } => {
                self.rotate_family(&family, &rotate, idempotency).map(|made| Answer::Rotated(Box::new(made)))
            }
            Command::RotateToken { serial, rotate } => {
                self.rotate(serial, &rotate, idempotency).map(|made| Answer::Rotated(Box::new(made)))
            }
            Command::RotateTokens { bulk, rotate } => {
                self.rotate_tokens(&bulk, &rotate).map(Answer::RotatedInBulk)
            }
            Command::SetLicence(set) => self.set_licence(set).map(Answer::Licence),
            Command::ListLicences(page) => self.list_licences(page),
            Command::SwitchOwnerOff(switch) => self.switch_owner_off(switch).map(Answer::OwnerOff),
            Command::SwitchOwnerOn(owner) => self.switch_owner_on(&owner).map(|()| Answer::OwnerSwitchedOn),
            Command::ListOwnersOff(page) => self.list_owners_off(page),
            Command::TestWebhook => self.test_webhook().map(Answer::Notice),
            Command::Metrics => self.metrics(),
            Command::Status => self.status_view().map(|status| Answer::Status(Box::new(status))),
        }
    }

    fn session_opened(&mut self) -> Result<Answer, Stop> {
        let (session, text) = self.open_session()?;
        Ok(Answer::SessionOpened { session, text })
    }

    fn created(&mut self, new: NewToken, idempotency: Option<&Idempotency>) -> Result<Answer, Stop> {
        let (row, text) = self.create_token(new, idempotency)?;
        Ok(Answer::Created { token: self.shown(&row)?, text })
    }

    fn edited(&mut self, serial: Serial, if_match: Option<u32>, edit: TokenEdit) -> Result<Answer, Stop> {
        let (row, receipt) = self.edit_token(serial, if_match, edit)?;
        Ok(Answer::Edited { token: self.shown(&row)?, receipt })
    }

    fn found(&self, serial: Serial) -> Result<Answer, Stop> {
        let row = self.token(serial)?;
        self.shown(&row).map(Answer::Token)
    }

    fn found_by_fingerprint(&self, text: &str) -> Result<Answer, Stop> {
        let sought = Sought::parse(text).ok_or(Fault::NotFound)?;
        let row =
            token_query::of_fingerprint(self.database, self.question(&TokenFilter::default()), &sought)?
                .ok_or(Fault::NotFound)?;
        self.shown(&row).map(Answer::Token)
    }

    fn list_licences(&self, page: ListPage) -> Result<Answer, Stop> {
        let (items, next) = licence_row::licences(self.database, page)?;
        Ok(Answer::Licences { items, next })
    }

    fn list_owners_off(&self, page: ListPage) -> Result<Answer, Stop> {
        let (items, next) = licence_row::owners(self.database, page)?;
        Ok(Answer::OwnersOff { items, next })
    }

    fn list_events(&self, filter: &EventFilter) -> Result<Answer, Stop> {
        let (items, next) = events::page(self.database, filter, self.actor.role())?;
        Ok(Answer::Events { items, next })
    }

    fn list_notices(&self, filter: &NoticeFilter) -> Result<Answer, Stop> {
        let (items, next) = notices::page(self.database, filter)?;
        Ok(Answer::Notices { items, next })
    }

    fn test_webhook(&self) -> Result<NoticeView, Stop> {
        if self.settings.webhook.is_none() {
            return Err(Fault::Conflict(Clash::NoWebhook).into());
        }
        self.audit(Event { action: "webhook.tested", ..Event::default() })?;
        notices::test(self.database, self.settings, self.now)?.ok_or(Fault::Internal.into())
    }

    fn list_tokens(&self, filter: &TokenFilter) -> Result<Answer, Stop> {
        let by = filter.sort.by;
        if let Some(serial) = filter.below
            && by != SortBy::Created
        {
            let is_known = match &filter.below_key {
                Some(key) => key.sort_by() == by,
                // A cursor of the previous release: its row tells.
                None => TokenRow::find(self.database, serial)?.is_some(),
            };
            if !is_known {
                // An empty page would look like the end of the list.
                return Err(Fault::NotFound.into());
            }
        }
        let question = self.question(filter);
        let (found, next) = token_query::rows(self.database, question)?;
        let items = self.all_shown(&found)?;
        let total = match filter.wants_total {
            true => Some(token_query::total(self.database, question)?.of_at_least(items.len())),
            false => None,
        };
        let next_key = match next {
            Some(serial) => token_query::sort_key(self.database, by, serial)?,
            None => None,
        };
        Ok(Answer::Tokens { items, next, next_key, total })
    }

    fn question<'a>(&'a self, filter: &'a TokenFilter) -> Question<'a> {
        Question { filter, only: Only::All, settings: self.settings, now: self.now }
    }

    fn metrics(&self) -> Result<Answer, Stop> {
        Ok(Answer::Metrics {
            status: Box::new(self.status_view()?),
            expiries: expiries::view(self.database, self.settings.metrics_tokens_max, self.now)?,
            notices: notices::counts(self.database)?,
        })
    }

    fn status_view(&self) -> Result<StatusView, Stop> {
        Ok(status::view(self.database, self.settings, self.now)?)
    }
}

fn probed(probe: ProbeView, begun: bool) -> Answer {
    Answer::Probe { probe: Box::new(probe), begun }
}
