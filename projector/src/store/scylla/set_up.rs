//! Makes what is missing of a keyspace.

use super::{ScyllaStore, statement};
use crate::store::{Generation, Source, StoreError, cql};
use crate::views;
use std::collections::HashSet;

impl ScyllaStore {
    /// Runs a schema change and waits until all nodes know it.
    pub(super) async fn set_up(&self, statement: &str, item: &str) -> Result<(), StoreError> {
        let done = self.session.get_session().query_unpaged(statement, ()).await;
        done.map(drop).map_err(|error| StoreError::SetUp { item: item.to_owned(), source: error.into() })
    }

    pub(super) async fn make_tables(&self, generation: Generation) -> Result<(), StoreError> {
        for table in views::TABLES {
            let name = generation.name_of(table);
            self.set_up(&cql::create_table(table, generation), &name).await?;
            // A table that was there before has the columns of its time.
            let there = self.columns_of(&name).await?;
            for column in table.columns.iter().filter(|(column, _)| !there.contains(*column)) {
                let added = self.set_up(&cql::add_column(&name, column), &name).await;
                if added.is_err() && !self.columns_of(&name).await?.contains(column.0) {
                    return added;
                }
            }
        }
        Ok(())
    }

    async fn columns_of(&self, table: &str) -> Result<HashSet<String>, StoreError> {
        let read = async || {
            let answer =
                self.session.execute_unpaged(statement(cql::LIST_COLUMNS), (self.keyspace.as_ref(), table)).await?;
            let names = answer.into_rows_result()?;
            Ok(names.rows::<(String,)>()?.map(|row| row.map(|(name,)| name)).collect::<Result<_, _>>()?)
        };
        read().await.map_err(|source: Source| StoreError::SetUp { item: table.to_owned(), source })
    }
}
