//! Which objects of a backup are meant: NAME, or KIND/NAME in kubectl's spellings.

use super::contents::ObjectId;
use crate::model::ResourceType;

/// The names that were given. Without any, all objects are selected.
pub(super) struct ObjectSelection(Vec<Selector>);

struct Selector {
    /// As it was given.
    text: String,
    /// In lower case, as kubectl compares them.
    of: Option<String>,
    name: String,
}

impl ObjectSelection {
    pub(super) fn new(names: Vec<String>) -> Self {
        let selector = |text: String| match text.split_once('/') {
            Some((of, name)) => Selector { of: Some(of.to_lowercase()), name: name.to_owned(), text },
            None => Selector { of: None, name: text.clone(), text },
        };
        Self(names.into_iter().map(selector).collect())
    }

    /// Whether an object is selected. `ty` is its type, where the server has it.
    pub(super) fn includes(&self, object: &ObjectId, ty: Option<&ResourceType>) -> bool {
        self.0.is_empty() || self.0.iter().any(|selector| selector.means(object, ty))
    }

    /// The names that mean none of these objects.
    pub(super) fn without_match<'a>(
        &'a self,
        objects: &[(&ObjectId, Option<&ResourceType>)],
    ) -> Vec<&'a str> {
        let unmatched =
            self.0.iter().filter(|selector| !objects.iter().any(|(id, ty)| selector.means(id, *ty)));
        unmatched.map(|selector| selector.text.as_str()).collect()
    }
}

impl Selector {
    fn means(&self, object: &ObjectId, ty: Option<&ResourceType>) -> bool {
        self.name == object.name && self.of.as_deref().is_none_or(|of| is_type(of, object, ty))
    }
}

/// `configmap`, `cm`, `configmaps`, `deployments.apps`, `deployments.v1.apps`, `configmaps.v1`, `configmaps.v1.`
fn is_type(text: &str, object: &ObjectId, ty: Option<&ResourceType>) -> bool {
    let (word, qualifier) = text.split_once('.').unwrap_or((text, ""));
    let kind = object.kind.to_lowercase();
    let known = ty.is_some_and(|ty| ty.resource == word || ty.aliases.iter().any(|alias| alias == word));
    if word != kind && !known {
        return false;
    }
    let (group, version) = match object.api_version.split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", object.api_version.as_str()),
    };
    let of_version = if group.is_empty() { version.to_owned() } else { format!("{version}.{group}") };
    let qualifier = qualifier.trim_end_matches('.');
    qualifier.is_empty() || qualifier == group || qualifier == of_version
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource;

    fn means(text: &str, object: &ObjectId, ty: Option<&ResourceType>) -> bool {
        ObjectSelection::new(vec![text.to_owned()]).includes(object, ty)
    }

    fn id(api_version: &str, kind: &str, name: &str) -> ObjectId {
        ObjectId { api_version: api_version.to_owned(), kind: kind.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_type_is_spelled_as_kubectl_takes_it() {
        let configmap = id("v1", "ConfigMap", "k");
        let aliases = vec!["configmap".to_owned(), "cm".to_owned()];
        let ty = ResourceType { aliases, ..resource("", "configmaps", "ConfigMap") };
        for text in [
            "k",
            "ConfigMap/k",
            "configmap/k",
            "configmaps/k",
            "cm/k",
            "CM/k",
            "configmap.v1/k",
            "cm.v1/k",
            "configmaps.v1./k",
        ] {
            assert!(means(text, &configmap, Some(&ty)), "{text}");
        }
        for text in ["pod/k", "cm/other", "cm/", "/k", "k/k", "cm.v2/k", "cm.apps/k", "cm/k/x", ""] {
            assert!(!means(text, &configmap, Some(&ty)), "{text}");
        }
        let deployment = id("apps/v1", "Deployment", "k");
        let aliases = vec!["deployment".to_owned(), "deploy".to_owned()];
        let ty = ResourceType { aliases, ..resource("apps", "deployments", "Deployment") };
        for text in ["deploy/k", "deployments.apps/k", "deployments.v1.apps/k", "deploy.apps/k"] {
            assert!(means(text, &deployment, Some(&ty)), "{text}");
        }
        assert!(!means("deployments.v1/k", &deployment, Some(&ty)));
    }

    #[test]
    fn a_type_that_the_server_does_not_have_is_known_by_its_kind() {
        let widget = id("example.com/v1", "Widget", "w");
        assert!(means("widget/w", &widget, None) && means("Widget.example.com/w", &widget, None));
        assert!(!means("widgets/w", &widget, None));
    }

    #[test]
    fn what_means_nothing_is_told() {
        let configmap = id("v1", "ConfigMap", "x");
        let selection = ObjectSelection::new(["x", "pod/x", "configmap/x"].map(str::to_owned).to_vec());
        assert_eq!(selection.without_match(&[(&configmap, None)]), ["pod/x"]);
    }
}
