//! One look for several namespaces: each has to be asked about right before its last write, for every type there is.

use std::cell::RefCell;

use tokio::sync::{Mutex, oneshot};

use crate::cluster::{ApiError, Cluster};
use crate::model::Inventory;

type Found = Result<Inventory, ApiError>;

/// Namespaces that ask while a look is under way share the next one: with hundreds of types a list of each over all of
/// them is much less than one for each of them.
#[derive(Debug, Default)]
pub struct SharedLook {
    waiting: RefCell<Vec<(String, oneshot::Sender<Found>)>>,
    under_way: Mutex<()>,
}

impl SharedLook {
    /// What is inside a namespace, asked for after this call has begun. One object of a type is remembered.
    pub(super) async fn at(&self, cluster: &Cluster, namespace: &str) -> Found {
        loop {
            let (sender, mut found) = oneshot::channel();
            self.waiting.borrow_mut().push((namespace.to_owned(), sender));
            tokio::select! {
                biased;
                found = &mut found => if let Ok(found) = found { return found },
                _turn = self.under_way.lock() => self.look(cluster).await,
            }
            // Whoever has looked for both may have ended in the middle of it.
            if let Ok(found) = found.try_recv() {
                return found;
            }
        }
    }

    async fn look(&self, cluster: &Cluster) {
        let waiting = self.waiting.take();
        let names: Vec<&str> = waiting.iter().map(|(name, _)| name.as_str()).collect();
        if names.is_empty() {
            return;
        }
        let mut found = cluster.look_inside(&names, 1).await;
        for (name, sender) in waiting {
            let of_it = match &mut found {
                Ok(found) => Ok(found.remove(&name).unwrap_or_default()),
                Err(error) => Err(error.clone()),
            };
            // Nobody waits for it any more where a run has ended.
            let _ = sender.send(of_it);
        }
    }
}
